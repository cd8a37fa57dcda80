"""One step of nine LoRA models over one frozen base: one after another, and in one pass.

    OMP_NUM_THREADS=1 python benchmarks/shared_pass.py --models yeast_mini --tokens 64
    python benchmarks/shared_pass.py --models opt_125m --tokens 128 --bf16     # on a GPU

Forward and backward of the layers below the head, 8 rows a model, ranks 4, 8 and 16 three times;
random weights, in turn. The ratio is the median of the repeats', with quartiles. On one thread of a
processor the clock is that of the process. Whole sweeps are in together.py.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dnaft.config import build, config_dir, register_schema
from dnaft.methods.fuse import fuse_adapters
from dnaft.methods.lora import inject_lora
from dnaft.models.backbone import Backbone
from dnaft.together.shared_pass import Backward, Forward, SharedPass

ROWS = 8
RANKS = (4, 8, 16) * 3


def base_of(name: str, layers: int | None) -> Backbone:
    """Return a model with random weights of the shape that its yaml says, or of fewer layers."""
    register_schema()
    overrides = [f"model={name}"]
    if layers is not None:
        overrides.append(f"model.architecture.num_hidden_layers={layers}")
    with initialize_config_dir(config_dir(), version_base="1.3"):
        node: Any = OmegaConf.to_container(compose("train", overrides), resolve=True)
    backbone: Backbone = build({**node["model"], "source": None}, "model")
    backbone.attach_head(1, positions=1)
    return backbone


def models(base: Backbone, device: torch.device) -> list[Backbone]:
    """Return a model for each rank, in training mode, dropout as the yaml says."""
    roles = tuple(dict.fromkeys(role for _, role in base.matrices.values()))
    made = []
    for rank in RANKS:
        backbone = copy.deepcopy(base, {id(p): p for p in base.parameters()})  # one base in memory
        inject_lora(backbone, rank, 16, roles)
        fuse_adapters(backbone)
        made.append(backbone.to(device).train())
    return made


def seconds(work: Callable[[], None], device: torch.device) -> float:
    """Return the seconds of a call."""
    gpu = device.type == "cuda"
    clock = time.process_time if torch.get_num_threads() == 1 and not gpu else time.perf_counter
    begin = clock()
    work()
    if gpu:
        torch.cuda.synchronize()
    return clock() - begin


def measure(name: str, options: argparse.Namespace) -> str:
    """Return a line of the table."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = base_of(name, options.layers)
    alone, together = models(base, device), models(base, device)
    dtype = torch.bfloat16 if options.bf16 else None
    mixed = nullcontext() if dtype is None else torch.autocast(device.type, dtype)
    generator = torch.Generator().manual_seed(1)
    shape = (ROWS, options.tokens)
    ids = [torch.randint(5, 10, shape, generator=generator).to(device) for _ in RANKS]
    mask = torch.ones_like(ids[0])
    shared = SharedPass()
    for number, backbone in enumerate(together):
        shared.join(number, backbone)

    def one_by_one() -> None:
        for backbone, rows in zip(alone, ids, strict=True):
            backbone.zero_grad()
            with mixed:
                states = backbone.encode(rows, mask)
            states.backward(torch.ones_like(states))

    def in_one_pass() -> None:
        for backbone in together:
            backbone.zero_grad()
        asked = {n: Forward(rows, mask, None, dtype, 0) for n, rows in enumerate(ids)}
        found = shared.answer(asked)
        states = {n: answer[0] for n, answer in found.items()}
        shared.answer({n: Backward(torch.ones_like(s)) for n, s in states.items()})

    seconds(one_by_one, device)  # caches and allocators warm
    seconds(in_one_pass, device)
    found = [
        (seconds(one_by_one, device), seconds(in_one_pass, device)) for _ in range(options.repeats)
    ]
    ratios = [one / other for one, other in found]
    spread = ""
    if len(ratios) > 1:
        low, _, high = statistics.quantiles(ratios, n=4)
        spread = f" ({low:.2f} to {high:.2f})"
    first = statistics.median(one for one, _ in found)
    return (
        f"| `{name}` | {options.tokens} | {first:.2f} | {statistics.median(ratios):.2f}{spread} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--models", default="yeast_mini", help="of conf/model, by commas")
    parser.add_argument("--layers", type=int, help="in place of those of the yaml")
    parser.add_argument("--tokens", type=int, default=64, help="tokens a row")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 mixed precision")
    options = parser.parse_args()
    print("| model | tokens a row | seconds, one by one | one by one / one pass |")
    print("|---|---|---|---|", flush=True)
    for name in options.models.split(","):
        print(measure(name, options), flush=True)


if __name__ == "__main__":
    main()

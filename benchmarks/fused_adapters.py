"""Adapters as PEFT computes them and fused: time of a training step, memory kept for its backward.

    python benchmarks/fused_adapters.py                        # yeast_mini and OPT-125M's shape
    python benchmarks/fused_adapters.py --models dnabert2 --batch 32 --tokens 128

Each pair is one model with random weights and its copy, on the same batch, in turn; the ratio is
the median of the repeats' ratios, with quartiles. Processor time, or on a GPU the wall's; no
optimiser. The memory is that of all tensors that autograd keeps between forward and backward,
counted once each.
"""

import argparse
import copy
import statistics
import time
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tables import show_ratio

from dnaft.config import build, config_dir, register_schema
from dnaft.methods.fuse import fuse_adapters
from dnaft.models.backbone import Backbone

METHODS = ("lora", "dora", "adalora")


def load(model: str, method: str, dropout: float, tokens: int, device: torch.device) -> Backbone:
    """Build a model of conf/model at its real size with a method of conf/method."""
    with initialize_config_dir(config_dir(), version_base="1.3"):
        overrides = [f"model={model}", "model.source=null", f"method={method}"]
        config = compose("train", [*overrides, f"method.inject.dropout={dropout}"])
    node: Any = OmegaConf.to_container(config, resolve=True)
    backbone: Backbone = build(node["model"], "model")
    backbone.attach_head(1, positions=tokens)
    build(node["method"]["inject"], "method.inject")(backbone)
    return backbone.to(device).train()


def seconds(backbone: Backbone, ids: torch.Tensor) -> float:
    """Time a forward and backward pass."""
    clock = time.process_time if ids.device.type == "cpu" else time.perf_counter
    begin = clock()
    backbone(ids, torch.ones_like(ids)).square().mean().backward()
    backbone.zero_grad()
    if ids.device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - begin


def kept_bytes(backbone: Backbone, ids: torch.Tensor) -> int:
    """Return the bytes that a forward pass keeps for its backward, beside the parameters."""
    parameters = {p.untyped_storage().data_ptr() for p in backbone.parameters()}
    kept: dict[int, int] = {}
    alive = []  # so that no address is used twice

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        backbone(ids, torch.ones_like(ids))
    return sum(kept.values())


def measure(model: str, method: str, options: argparse.Namespace, device: torch.device) -> str:
    """Return a line of the table."""
    plain = load(model, method, options.dropout, options.tokens, device)
    fused = copy.deepcopy(plain)
    fuse_adapters(fused)
    ids = torch.randint(5, plain.vocabulary_size, (options.batch, options.tokens), device=device)

    times: list[list[float]] = [[], []]
    for repeat in range(options.repeats + 1):
        slow, fast = seconds(plain, ids), seconds(fused, ids)
        if repeat:
            times[0].append(slow)
            times[1].append(fast)
    memory = kept_bytes(fused, ids) / kept_bytes(plain, ids)
    return (
        f"| `{model}` | `{method}` | {show_ratio(*times)} "
        f"| {statistics.median(times[1]) * 1e3:,.0f} | {memory:.2f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--models", default="yeast_mini,opt_125m", help="of conf/model, by commas")
    parser.add_argument("--batch", type=int, default=8, help="rows a batch")
    parser.add_argument("--tokens", type=int, default=172, help="tokens a row")
    parser.add_argument("--dropout", type=float, default=0.0, help="of the adapters")
    parser.add_argument("--repeats", type=int, default=9, help="timed steps of each")
    options = parser.parse_args()
    register_schema()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print("| model | method | PEFT / fused, time | fused, ms | fused / PEFT, memory kept |")
    print("|---|---|---|---|---|", flush=True)
    for model in options.models.split(","):
        for method in METHODS:
            print(measure(model, method, options, device), flush=True)


if __name__ == "__main__":
    main()

"""Tokens a second of the backbones at their real size, with random weights.

    python benchmarks/backbones.py                               # the models that a laptop holds
    python benchmarks/backbones.py --models nt_2b5_1000g         # others
    python benchmarks/backbones.py --tokens 512 --batch 32       # other batches

A forward pass, and a training step of LoRA (rank 8, all roles, without the optimiser), by both ways
to compute attention in turn; medians, of ratios with quartiles. bfloat16 products on a GPU; on a
processor float32, or bfloat16 with --bf16.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tables import show_ratio

from dnaft.config import build, config_dir
from dnaft.methods.lora import inject_lora
from dnaft.models.backbone import ROLES, Backbone

SMALL = (
    "dnabert2,dnabert6,grover,gena_lm_base,moderngena_base,nt_v2_50m,nt_v2_100m,nt_v2_250m,"
    "hyenadna_small_32k,opt_125m,nucleotide_unet"
)


def load(name: str, attention: str, tokens: int, device: torch.device) -> Backbone:
    """Build a model of conf/model at its real size, with LoRA on all of its roles."""
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose(overrides=["+tokenizer=kmer", f"+model={name}"])
    node: Any = OmegaConf.to_container(config.model, resolve=True)
    backbone: Backbone = build({**node, "source": None, "attention": attention}, "model")
    backbone.attach_head(1, positions=tokens)
    held = {role for _, role in backbone.matrices.values()}
    inject_lora(
        backbone, rank=8, alpha=16, target_roles=tuple(role for role in ROLES if role in held)
    )
    return backbone.to(device)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Time one call, the device's queue included."""
    begin = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def measure(name: str, options: argparse.Namespace, device: torch.device) -> str:
    """Return a line of the table."""
    batch, tokens = options.batch, options.tokens
    mixed = options.bf16 or device.type == "cuda"
    vocabulary = 0
    works: dict[tuple[str, str], Callable[[], object]] = {}
    for attention in ("sdpa", "eager"):
        backbone = load(name, attention, tokens, device).train()
        vocabulary = backbone.vocabulary_size
        ids = torch.randint(5, vocabulary, (batch, tokens), device=device)
        mask = torch.ones_like(ids)

        def forward(backbone: Backbone = backbone, ids: Any = ids, mask: Any = mask) -> None:
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, mixed):
                backbone(ids, mask)

        def step(backbone: Backbone = backbone, ids: Any = ids, mask: Any = mask) -> None:
            with torch.autocast(device.type, torch.bfloat16, mixed):
                loss = backbone(ids, mask).square().mean()
            loss.backward()
            backbone.zero_grad()

        works[attention, "forward"], works[attention, "step"] = forward, step
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times: dict[tuple[str, str], list[float]] = {key: [] for key in works}
    for repeat in range(options.repeats + 1):
        for key, work in works.items():  # in turn: a shared machine drifts
            took = seconds(work, device)
            if repeat:
                times[key].append(took)
    median = {key: statistics.median(values) for key, values in times.items()}
    parameters = sum(p.numel() for p in backbone.parameters() if not p.requires_grad)
    speed = {kind: batch * tokens / median["sdpa", kind] for kind in ("forward", "step")}
    ratio = {kind: show_ratio(times["eager", kind], times["sdpa", kind]) for kind in speed}
    memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else float("nan")
    cells = [
        f"`{name}`",
        f"{parameters / 1e6:,.1f} M",
        f"{speed['forward']:,.0f}",
        f"{speed['step']:,.0f}",
        ratio["forward"],
        ratio["step"],
    ]
    if device.type == "cuda":
        cells.append(f"{memory:.1f} GiB")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--models", default=SMALL, help="names of conf/model, by commas")
    parser.add_argument("--batch", type=int, default=8, help="rows a batch")
    parser.add_argument("--tokens", type=int, default=128, help="tokens a row")
    parser.add_argument("--repeats", type=int, default=5, help="timed calls of each kind")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 products on a processor")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"{options.batch} rows of {options.tokens} tokens, {device}, torch {torch.__version__}\n")
    head = ["model", "parameters", "forward, tokens/s", "LoRA step, tokens/s"]
    head += ["eager / sdpa, forward", "eager / sdpa, step"]
    if device.type == "cuda":
        head.append("peak memory")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    for name in options.models.split(","):
        print(measure(name, options, device), flush=True)


if __name__ == "__main__":
    main()

"""Dropout on a processor: the mask of dnaft.dropout against torch's, alone and in training steps.

    OMP_NUM_THREADS=1 python benchmarks/dropout.py [--batch 8] [--tokens 172] [--repeats 7]

Models of width 256 and 4 layers with random weights: BERT, trained in full with its own dropout,
and OPT with LoRA on all roles, dropout in front of A. The ways take turns; medians of seconds of
the processor with quartiles, without the optimiser.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tables import show_ratio, show_spread
from torch import Tensor

from dnaft.config import build, config_dir
from dnaft.dropout import draw_dropped, draw_each, quicken_dropout
from dnaft.methods.fuse import fuse_adapters
from dnaft.methods.lora import inject_lora
from dnaft.models.backbone import ROLES, Backbone

P = 0.1
SIZES: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
        "intermediate_size": 1024, "hidden_dropout_prob": P,
    },
    "tiny_opt": {
        "hidden_size": 256, "word_embed_proj_dim": 256, "num_hidden_layers": 4,
        "num_attention_heads": 4, "ffn_dim": 1024,
    },
}  # fmt: skip
Work = Callable[[], object]


def load(name: str, tokens: int) -> Backbone:
    """Build a model of conf/model in the size above."""
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose(overrides=["+tokenizer=kmer", f"+model={name}"])
    node: Any = OmegaConf.to_container(config.model, resolve=True)
    node = {**node, "source": None, "architecture": {**node["architecture"], **SIZES[name]}}
    torch.manual_seed(0)
    backbone: Backbone = build(node, "model")
    backbone.attach_head(1, positions=tokens)
    return backbone.train()


def step(backbone: Backbone, ids: Tensor, mask: Tensor) -> None:
    """Compute a loss and its gradients."""
    backbone(ids, mask).square().mean().backward()
    backbone.zero_grad()


def models(batch: int, tokens: int) -> dict[str, dict[str, Work]]:
    """Return training steps by model and way."""
    shape = (batch, tokens)
    ids = torch.randint(5, 60, shape)
    mask = torch.ones_like(ids)
    full = {way: load("tiny", tokens) for way in ("torch", "dnaft", "none")}
    quicken_dropout(full["dnaft"])
    for part in full["none"].modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    lora = {}
    for way in full:
        lora[way] = load("tiny_opt", tokens)
        dropout = 0.0 if way == "none" else P
        inject_lora(lora[way], 8, 16, target_roles=ROLES, dropout=dropout)
        fuse_adapters(lora[way])
    quicken_dropout(lora["dnaft"])
    return {
        name: {way: partial(step, b, ids, mask) for way, b in ways.items()}
        for name, ways in {"BERT, full": full, "OPT, LoRA": lora}.items()
    }


def seconds_of(works: dict[str, Work], repeats: int) -> dict[str, list[float]]:
    """Return seconds of the processor, the first round not counted."""
    times: dict[str, list[float]] = {way: [] for way in works}
    for repeat in range(repeats + 1):
        for way, work in works.items():
            begin = time.process_time()
            work()
            times[way] += [time.process_time() - begin] if repeat else []
    return times


def main() -> None:
    """Print the mask alone, then a row a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=172)
    parser.add_argument("--repeats", type=int, default=7)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    x = torch.randn(chosen.batch, chosen.tokens, 256)
    quick = torch.nn.Sequential(torch.nn.Dropout(P))
    quicken_dropout(quick)
    alone: dict[str, Work] = {
        "bernoulli_": lambda: draw_each(x.shape, P, x.device),
        "draw_dropped": lambda: draw_dropped(x.shape, P, x.device),
        "nn.Dropout, forward": lambda: torch.nn.functional.dropout(x, P),
        "QuickDropout, forward": lambda: quick(x),
    }
    print("| alone | ns an entry |\n|---|---|")
    for way, times in seconds_of(alone, 3 * chosen.repeats).items():
        print(f"| {way} | {show_spread([s / x.numel() * 1e9 for s in times])} |")
    print()
    print("| step | torch / dnaft | of a step with torch | with dnaft |\n|---|---|---|---|")
    for name, works in models(chosen.batch, chosen.tokens).items():
        took = seconds_of(works, chosen.repeats)
        median = {way: statistics.median(times) for way, times in took.items()}
        ratio = show_ratio(took["torch"], took["dnaft"])
        shares = [1 - median["none"] / median[way] for way in ("torch", "dnaft")]
        print(f"| {name} | {ratio} | {shares[0]:.0%} | {shares[1]:.0%} |", flush=True)


if __name__ == "__main__":
    main()

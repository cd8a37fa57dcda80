"""What adaptive ranks cost a training step: dnaft's rank sampler against PEFT's RankAllocator.

    OMP_NUM_THREADS=1 python benchmarks/rank_allocation.py [--steps 20] [--rounds 5]

On the same parameters and gradients, of the shapes of yeast_mini and of OPT-125M without the
models, both take in every step and mask every tenth; they take turns. Seconds of the processor,
medians.
The share is that of the sampler in a training step of yeast_mini (32 rows of 300 tokens) and of
OPT-125M's shape (8 rows of 172 tokens, fewer steps). The other lines are what `compact=true` saves
in the last phase: a step, and a forward pass, with all triplets in place, a third of them masked,
and without those.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from peft import AdaLoraConfig
from peft.tuners.adalora import RankAllocator
from tables import show_ratio
from torch import nn

from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.config import build, config_dir
from dnaft.methods.adalora import inject_adalora
from dnaft.methods.fuse import fuse_adapters
from dnaft.methods.triplets import find_triplets
from dnaft.models.backbone import ROLES, Backbone
from dnaft.ranks.budget import BudgetSchedule
from dnaft.ranks.compaction import remove_triplets
from dnaft.ranks.pruned import PrunedValues
from dnaft.ranks.triplet import TripletGroup

RANK, TARGET, INTERVAL, TOTAL = 12, 8, 10, 100_000
SQUARES = 4  # q k v o
# Layers, width, rows of fc1, columns of fc2.
SHAPES = {"yeast_mini": (4, 128, 512, 256), "opt_125m": (12, 768, 3072, 3072)}
BATCHES = {"yeast_mini": (32, 300), "opt_125m": (8, 172)}  # rows, tokens
OPT_STEPS = 2  # timed; each takes seconds


class Matrix(nn.Module):
    """The triplets of a matrix under PEFT's names."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        for name, shape in (
            ("lora_B", (rows, RANK)),
            ("lora_E", (RANK, 1)),
            ("lora_A", (RANK, columns)),
        ):
            setattr(self, name, nn.ParameterDict({"default": torch.randn(shape) * 0.1}))


def parameters(name: str) -> nn.ModuleList:
    """Return the adapted matrices of a model, with gradients."""
    layers, width, rows, columns = SHAPES[name]
    sizes = [(width, width)] * SQUARES + [(rows, width), (width, columns)]
    model = nn.ModuleList(Matrix(*size) for size in sizes * layers)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter) * 1e-3
    return model


def by_dnaft(model: nn.ModuleList) -> Callable[[int], None]:
    """Return what the callback does after `step` steps."""
    parts = ("lora_B", "lora_E", "lora_A")
    groups = [
        TripletGroup(str(index), *(getattr(matrix, part)["default"] for part in parts))
        for index, matrix in enumerate(model)
    ]
    sampler = RankSampler(TARGET, INTERVAL, 0.25, 0.05, 0.05)
    sampler._groups, sampler._pruned = groups, PrunedValues(groups, "overwrite")
    initial = RANK * len(groups)
    sampler._schedule = BudgetSchedule(
        initial, TARGET * len(groups), TOTAL, final=TOTAL // 4, interval=INTERVAL
    )

    def work(step: int) -> None:
        sampler._observe(step)
        if sampler.schedule.redraws_at(step):
            sampler.allocate(step)

    return work


def by_peft(model: nn.ModuleList) -> Callable[[int], None]:
    """Return what `AdaLoraModel.update_and_allocate` has the allocator do."""
    config = AdaLoraConfig(
        init_r=RANK, target_r=TARGET, deltaT=INTERVAL, tinit=0, tfinal=TOTAL // 4, total_step=TOTAL
    )
    allocator = RankAllocator(model, config, "default")

    def work(step: int) -> None:
        allocator.update_and_allocate(model, step)

    return work


def adapted(name: str) -> Backbone:
    """Return a model with adapters of singular triplets, in training mode."""
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose(overrides=["+tokenizer=character", f"+model={name}"])
    node: Any = OmegaConf.to_container(config.model, resolve=True)
    # Of OPT-125M the shape with random weights; yeast_mini comes with the package.
    node = {**node, "source": None} if name == "opt_125m" else node
    backbone: Backbone = build(node, "model")
    backbone.attach_head(1, positions=BATCHES[name][1])
    inject_adalora(backbone, RANK, 16, target_roles=ROLES)
    fuse_adapters(backbone)
    return backbone.train()


def steps_of(backbone: Backbone, name: str) -> dict[str, Callable[[], None]]:
    """Return forward and backward, and forward alone."""
    ids = torch.randint(5, 9, BATCHES[name])
    mask = torch.ones_like(ids)

    def step() -> None:
        backbone(ids, mask).square().mean().backward()
        backbone.zero_grad()

    @torch.no_grad()
    def forward() -> None:
        backbone(ids, mask)

    return {"training step": step, "forward pass": forward}


def compacted(backbone: Backbone) -> Backbone:
    """Return the same without every third triplet of each matrix."""
    groups = find_triplets(backbone)
    kept = torch.arange(RANK * len(groups)) % RANK < TARGET
    remove_triplets(groups, kept)
    return backbone


def seconds(work: Callable[[], object]) -> float:
    """Time one call, in seconds of the processor."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def show_steps(rounds: int, cost: float) -> None:
    """Print what the sampler takes of a step of yeast_mini, and what fewer triplets save."""
    name = "yeast_mini"
    whole, less = steps_of(adapted(name), name), steps_of(compacted(adapted(name)), name)
    for what, work in whole.items():
        pairs = [(seconds(work), seconds(less[what])) for _ in range(rounds + 1)][1:]
        masked, removed = zip(*pairs, strict=True)
        line = f"a {what} of {name}: {statistics.median(masked) * 1e3:.0f} ms"
        if what == "training step":
            line += f", share of the sampler {share(cost, masked)}"
        print(f"{line}; with / without masked triplets {show_ratio(masked, removed)}\n")


def show_opt_step(cost: float) -> None:
    """Print what the sampler takes of a step of OPT-125M's shape."""
    step = steps_of(adapted("opt_125m"), "opt_125m")["training step"]
    took = [seconds(step) for _ in range(OPT_STEPS + 1)][1:]
    found = statistics.median(took) * 1e3
    print(f"a training step of opt_125m: {found:,.0f} ms, share of the sampler {share(cost, took)}")


def share(cost: float, steps: Sequence[float]) -> str:
    """Return the part of the sampler in a step, which is timed without it."""
    return f"{cost / (statistics.median(steps) + cost):.2%}"


def main() -> None:
    """Print a row a model, then the shares of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20, help="a multiple of ten")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print("| shapes of | PEFT, ms a step | dnaft, ms a step | PEFT / dnaft |\n|---|---|---|---|")
    cost = {}
    for name in SHAPES:
        ways = {"peft": by_peft(parameters(name)), "dnaft": by_dnaft(parameters(name))}
        took: dict[str, list[float]] = {way: [] for way in ways}
        for round_ in range(chosen.rounds + 1):
            for way, work in ways.items():
                first = 1 + round_ * chosen.steps
                steps = range(first, first + chosen.steps)
                spent = seconds(partial(list, map(work, steps)))
                took[way] += [spent / chosen.steps] if round_ else []
        cost[name] = statistics.median(took["dnaft"])
        peft = statistics.median(took["peft"])
        ratio = show_ratio(took["peft"], took["dnaft"])
        row = f"{peft * 1e3:.2f} | {cost[name] * 1e3:.2f} | {ratio}"
        print(f"| `{name}` | {row} |", flush=True)
    show_steps(chosen.rounds, cost["yeast_mini"])
    show_opt_step(cost["opt_125m"])


if __name__ == "__main__":
    main()

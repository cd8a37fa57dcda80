"""Whether both sides of hf_trainer.py do the same: their losses, without dropout and with it."""

import argparse
import math
import statistics
import time

import torch
from hf_sides import SIDES
from hf_usual import Hf
from hf_work import Side, Work

STEPS = 20
RATE = 3e-3  # above that of the timed steps, so that adapters count
# LoRA and DoRA are then the same functions, rounded differently. Masks are not: PEFT's allocator
# reads gradients that are clipped and weights after the step.
TOLERANCE = {"lora": 1e-4, "dora": 1e-4, "adalora_rs": 1e-3}
# Where a side multiplies in bfloat16 they may be apart, on average over the steps, by this many
# times what bfloat16 changes on HF's own side.
HALF_TOLERANCE = 3.0
# Dropout draws other masks on each side: means over seeds may be this many standard errors apart.
SEEDS, DROPOUT_TOLERANCE = range(1, 7), 3.0
_SAMPLER = "method.callbacks.rank_sampler"
# What the two do differently by design, done alike.
ALIKE = {
    "lora": [],
    "dora": ["method.optimizer.weight_decay=0.0"],  # HF's decays DoRA's magnitudes
    "adalora_rs": [
        "method.inject.vectors=gaussian",
        "method.inject.scale_rank=null",
        "method.orthogonality_weight=0.0",  # PEFT does not square it
        f"{_SAMPLER}.drop_probability=0.0",
        f"{_SAMPLER}.interval=1",
        f"{_SAMPLER}.warmup_fraction={1 / STEPS}",
        f"{_SAMPLER}.final_fraction={1 / STEPS}",
    ],
}


def check(method: str, options: argparse.Namespace) -> str:
    """Return in a sentence how far the losses of both sides are apart.

    Raises:
        SystemExit: If they start from other weights, or differ by more than `TOLERANCE`, with
            products in bfloat16 `HALF_TOLERANCE`.
    """
    work = _work(method, options, dropout=0.0)
    usual, ours = (SIDES[name](work, time.process_time) for name in ("hf", "dnaft"))
    first, second = usual.adapters(), ours.adapters()
    if first.keys() != second.keys():
        raise SystemExit(f"{method}: other adapters: {sorted(first.keys() ^ second.keys())}")
    if not all(torch.equal(first[name], second[name]) for name in first):
        raise SystemExit(f"{method}: the adapters start from other weights")
    curves = usual.curve(), ours.curve()
    if [len(curve) for curve in curves] != [STEPS, STEPS]:
        raise SystemExit(f"{method}: losses are missing: {curves}")
    kept = _kept(usual, ours)
    if options.bf16 or options.defaults:
        other = argparse.Namespace(**{**vars(options), "bf16": not options.bf16, "defaults": False})
        turned = Hf(_work(method, other, dropout=0.0), time.process_time)
        rounding = statistics.mean(_apart(curves[0], turned.curve()))
        differ, allowed = statistics.mean(_apart(*curves)), HALF_TOLERANCE * rounding
        how = f"by {differ:.4f} on average; bfloat16 changes HF's own by {rounding:.4f}"
    else:
        differ, allowed = max(_apart(*curves)), TOLERANCE[method]
        how = f"by {differ:.1e} at most"
    said = (
        f"`{method}`, {STEPS} steps without dropout from the same start: the losses of both sides, "
        f"{curves[0][0]:.4f} to {curves[0][-1]:.4f}, differ {how} (allowed: {allowed:.1g}).{kept}"
    )
    if not differ <= allowed:
        raise SystemExit(f"{said}\n{curves}")
    return said


def check_dropout(method: str, options: argparse.Namespace) -> str:
    """Return in a sentence how far the losses of both sides are apart with dropout.

    Raises:
        SystemExit: If their means differ by more than `DROPOUT_TOLERANCE`.
    """
    work = _work(method, options, options.dropout)
    found: dict[str, list[float]] = {name: [] for name in SIDES}
    for seed in SEEDS:
        for name, kind in SIDES.items():
            found[name].append(statistics.mean(kind(work, time.process_time).curve(seed)))
    usual, ours = found.values()
    means = statistics.mean(usual), statistics.mean(ours)
    spread = statistics.stdev(usual), statistics.stdev(ours)
    error = math.hypot(*spread) / math.sqrt(len(SEEDS))
    said = (
        f"`{method}`, {STEPS} steps with dropout {options.dropout:g}, {len(SEEDS)} seeds: the mean "
        f"loss of a step is {means[0]:.4f} ± {spread[0]:.4f} on HF's side, {means[1]:.4f} ± "
        f"{spread[1]:.4f} on dnaft's."
    )
    if not abs(means[0] - means[1]) <= DROPOUT_TOLERANCE * error:
        raise SystemExit(f"{said}\n{found}")
    return said


def _work(method: str, options: argparse.Namespace, dropout: float) -> Work:
    """Return the work of a table with what differs by design done alike."""
    override = [*options.override, f"method.optimizer.lr={RATE}", *ALIKE[method]]
    changes = {"dropout": dropout, "steps": STEPS, "override": override}
    return Work(method, argparse.Namespace(**{**vars(options), **changes}))


def _apart(first: list[float], second: list[float]) -> list[float]:
    return [abs(a - b) for a, b in zip(first, second, strict=True)]


def _kept(usual: Side, ours: Side) -> str:
    """Return how many singular values both sides pruned alike; nothing where none is."""
    first, second = (
        torch.cat([w.flatten() != 0 for name, w in side.adapters().items() if "lora_E" in name])
        if any("lora_E" in name for name in side.adapters())
        else torch.empty(0)
        for side in (usual, ours)
    )
    if not len(first):
        return ""
    alike = int((first == second).sum())
    return (
        f" Of {len(first)} triplets they keep {int(first.sum())} and {int(second.sum())} in the "
        f"end; {alike} are kept or pruned on both sides."
    )

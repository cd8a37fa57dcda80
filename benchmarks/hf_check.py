"""Whether both sides of hf_trainer.py do the same: their losses step by step, without dropout."""

import argparse
import time

import torch
from hf_sides import SIDES
from hf_work import Side, Work

STEPS = 20
RATE = 3e-3  # above that of the timed steps, so that adapters count
# LoRA and DoRA are then the same functions, rounded differently. Masks are not: PEFT's allocator
# reads gradients that are clipped and weights after the step.
TOLERANCE = {"lora": 1e-4, "dora": 1e-4, "adalora_rs": 1e-3}
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
        SystemExit: If they start from other weights, or differ by more than `TOLERANCE`.
    """
    changes = {"dropout": 0.0, "steps": STEPS, "bf16": False, "defaults": False}
    rate = f"method.optimizer.lr={RATE}"
    override = [*options.override, rate, *ALIKE[method]]
    alike = argparse.Namespace(**{**vars(options), **changes, "override": override})
    work = Work(method, alike)
    usual, ours = (SIDES[name](work, time.process_time) for name in ("hf", "dnaft"))
    first, second = usual.adapters(), ours.adapters()
    if first.keys() != second.keys():
        raise SystemExit(f"{method}: other adapters: {sorted(first.keys() ^ second.keys())}")
    if not all(torch.equal(first[name], second[name]) for name in first):
        raise SystemExit(f"{method}: the adapters start from other weights")
    curves = usual.curve(), ours.curve()
    if [len(curve) for curve in curves] != [STEPS, STEPS]:
        raise SystemExit(f"{method}: losses are missing: {curves}")
    apart = [abs(a - b) for a, b in zip(*curves, strict=True)]
    most, tolerance = max(apart), TOLERANCE[method]
    kept = _kept(usual, ours)
    said = (
        f"`{method}`, {STEPS} steps in float32 without dropout from the same start: the losses of "
        f"both sides, {curves[0][0]:.4f} to {curves[0][-1]:.4f}, differ by {most:.1e} at most "
        f"(allowed: {tolerance:.0e}).{kept}"
    )
    if not most <= tolerance:
        raise SystemExit(f"{said}\n{curves}")
    return said


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

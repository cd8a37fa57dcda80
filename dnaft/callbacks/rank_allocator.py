"""AdaLoRA's allocation: the rank sampler without its draws."""

from typing import Literal

from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.ranks.budget import BudgetUnit
from dnaft.ranks.pruned import Store


def rank_allocator(
    target_rank: float,
    interval: float,
    final_fraction: float,
    warmup_fraction: float = 0.0,
    beta1: float = 0.85,
    beta2: float = 0.85,
    masked_values: Store = "overwrite",
    accumulate: Literal["every_step", "masking_steps"] = "every_step",
    act_every_steps: int = 1,
    schedule_steps: int | None = None,
    budget_unit: BudgetUnit = "triplets",
    compact: bool = False,
    on_empty_schedule: Literal["error", "warn"] = "error",
) -> RankSampler:
    """Return a callback that keeps the top b^t triplets at every allocation, and no others.

    AdaLoRA, arXiv:2303.10512, Section 3: the limit of adaptive rank sampling in which both
    probabilities are 0. It takes no probability, so that a preset of the sampler cannot turn
    AdaLoRA into something else unnoticed.

    Args:
        target_rank: Average triplets a matrix that remain in the end.
        interval: Optimiser steps between allocations; below 1, a fraction of the run.
        final_fraction: Share of the run in which ranks are fixed.
        warmup_fraction: Share of the run before the first allocation.
        beta1: Memory of the sensitivity.
        beta2: Memory of the uncertainty.
        masked_values: As in `RankSampler`.
        accumulate: As in `RankSampler`.
        act_every_steps: As in `RankSampler`.
        schedule_steps: As in `RankSampler`.
        budget_unit: As in `RankSampler`.
        compact: As in `RankSampler`.
        on_empty_schedule: What to do if no allocation would ever happen.

    Raises:
        ValueError: If a number lies outside its domain.
    """
    return RankSampler(
        target_rank=target_rank,
        interval=interval,
        final_fraction=final_fraction,
        drop_probability=0.0,
        regrow_probability=0.0,
        warmup_fraction=warmup_fraction,
        beta1=beta1,
        beta2=beta2,
        masked_values=masked_values,
        accumulate=accumulate,
        act_every_steps=act_every_steps,
        schedule_steps=schedule_steps,
        budget_unit=budget_unit,
        compact=compact,
        on_empty_schedule=on_empty_schedule,
    )

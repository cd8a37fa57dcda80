"""From shares of a run to optimiser steps: the schedule of the rank sampler."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dnaft.ranks.budget import BudgetSchedule


@dataclass(frozen=True)
class Timing:
    """When ranks change, in terms that fit a run of any length.

    Attributes:
        target_rank: Average triplets a matrix that remain in the end.
        interval: Optimiser steps between allocations; below 1, a fraction of the run.
        final_fraction: Share of the run in which ranks are fixed.
        warmup_fraction: Share of the run before the first allocation.
        act_every_steps: Steps between two looks at importance, and between two applications of the
            last mask.
        schedule_steps: Steps to which the fractions refer; None takes those of the run.

    Raises:
        ValueError: If a number lies outside its domain.
    """

    target_rank: float
    interval: float
    final_fraction: float
    warmup_fraction: float
    act_every_steps: int = 1
    schedule_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.target_rank <= 0:
            raise ValueError(f"target_rank must be above 0, got {self.target_rank}")
        if self.interval <= 0 or (self.interval >= 1 and self.interval != int(self.interval)):
            raise ValueError(
                "interval must be a whole number of steps or a fraction below 1, "
                f"got {self.interval}"
            )
        for name in ("act_every_steps", "schedule_steps"):
            steps = getattr(self, name)
            if steps is not None and steps < 1:
                raise ValueError(f"{name} must be 1 or more, got {steps}")
        for name in ("final_fraction", "warmup_fraction"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)}")

    def acts_at(self, step: int) -> bool:
        """Whether the sampler does anything after `step` optimiser steps."""
        return step % self.act_every_steps == 0

    def schedule(
        self, ranks: Sequence[int], total_steps: float, costs: Sequence[int] | None = None
    ) -> BudgetSchedule:
        """Return the schedule of a run.

        Args:
            ranks: Triplets that the method injected into each matrix.
            total_steps: Optimiser steps that the trainer plans.
            costs: Parameters of a triplet of each matrix, for a budget in parameters. The target is
                then what the same number of triplets costs in matrices of average cost, so that
                both budgets are one where all matrices have one shape.

        Raises:
            ValueError: If the run has no end, the target exceeds what was injected, or no triplet
                fits it.
        """
        if not math.isfinite(total_steps):
            raise ValueError(
                "a budget needs a run with an end; set trainer.max_epochs or max_steps"
            )
        total = self.schedule_steps or int(total_steps)
        initial, target = sum(ranks), _share(self.target_rank, len(ranks))
        if target > initial:
            raise ValueError(
                f"target_rank {self.target_rank} exceeds the {initial / len(ranks):g} triplets a "
                "matrix that the method injects; raise method.rank"
            )
        if costs is not None:
            initial = sum(rank * cost for rank, cost in zip(ranks, costs, strict=True))
            target = target * sum(costs) // len(costs)
        if target < (min(costs) if costs is not None else 1):
            raise ValueError(
                f"target_rank {self.target_rank} leaves no triplet in any of {len(ranks)} "
                "matrices; raise it"
            )
        interval = int(self.interval) if self.interval >= 1 else _share(self.interval, total)
        interval = max(1, interval)
        if interval % self.act_every_steps:
            raise ValueError(
                f"interval is {interval} steps, no multiple of act_every_steps="
                f"{self.act_every_steps}, so masks would come late; change one of them"
            )
        return BudgetSchedule(
            initial=initial,
            target=target,
            total=total,
            warmup=_share(self.warmup_fraction, total),
            final=_share(self.final_fraction, total),
            interval=interval,
        )


def describe_empty(schedule: BudgetSchedule, steps: int) -> str:
    """Say with its numbers why a schedule never allocates in a run of `steps`."""
    s = schedule
    if min(s.end - 1, steps) <= s.warmup:
        return (
            f"no allocation would ever happen: in a run of {steps} steps none is left for it after "
            f"{s.warmup} of warm-up and before {s.final} final ones. Train longer, or set "
            "on_empty_schedule=warn"
        )
    return (
        f"no allocation would ever happen: the interval is {s.interval} steps, and ranks may "
        f"change in steps {s.warmup + 1} to {min(s.end - 1, steps)} of {steps}. Lower interval "
        "(a fraction such as 0.02 fits any run)"
    )


def _share(fraction: float, whole: int) -> int:
    """Return floor(fraction * whole), of the decimal number that the user wrote."""
    return math.floor(Fraction(str(fraction)) * whole)

"""How many singular triplets, or parameters of them, the whole model may keep, step by step."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

BudgetUnit = Literal["triplets", "parameters"]
Rounding = Literal["floor", "half_up", "half_even", "ceil"]

_ROUND: dict[str, Callable[[Fraction], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "half_up": lambda budget: math.floor(budget + Fraction(1, 2)),
    "half_even": round,
}


@dataclass(frozen=True)
class BudgetSchedule:
    """When triplets are pruned and reintroduced, and how many may stay.

    Phases, in optimiser steps t = 1..total: up to `warmup` nothing happens; then the mask is drawn
    anew at every multiple of `interval` before T = total - final; from T on the last mask holds.

    Attributes:
        initial: Triplets in the whole model at the start: b^0, the average a matrix times the
            number of matrices. Or their parameters; then the other budgets are parameters, too.
        target: Triplets that remain at T: b^T.
        total: Optimiser steps of the run.
        warmup: Steps before the first allocation, t_i of AdaLoRA (arXiv:2303.10512); the
            papers on adaptive rank sampling have none.
        final: Steps after the last allocation, t_f.
        interval: Steps between allocations, Delta T.
        includes_end: Whether t = T may allocate, too. The papers say t < T.

    Raises:
        ValueError: If a count is negative or the phases overlap.

    Example:
        >>> schedule = BudgetSchedule(initial=96, target=32, total=90, warmup=10, final=10)
        >>> [cubic_budget(step, schedule) for step in (10, 45, 80)]
        [96, 40, 32]
    """

    initial: int
    target: int
    total: int
    warmup: int = 0
    final: int = 0
    interval: int = 1
    includes_end: bool = False

    def __post_init__(self) -> None:
        """Check the meaning of the numbers."""
        if min(self.initial, self.target) < 0:
            raise ValueError(f"a budget is negative: {self.initial} -> {self.target}")
        if self.interval < 1:
            raise ValueError(f"interval must be 1 step or more, got {self.interval}")
        if min(self.warmup, self.final) < 0 or self.warmup + self.final >= self.total:
            raise ValueError(
                f"{self.warmup} warm-up and {self.final} final steps leave no step of "
                f"{self.total} in which ranks can change"
            )

    @property
    def end(self) -> int:
        """The step T from which the last mask holds."""
        return self.total - self.final

    def redraws_at(self, step: int) -> bool:
        """Whether a new mask is drawn after `step` optimiser steps."""
        before_end = step <= self.end if self.includes_end else step < self.end
        return self.warmup < step and before_end and step % self.interval == 0

    def holds_at(self, step: int) -> bool:
        """Whether `step` lies in the final phase, where the last mask is applied each step."""
        return step >= self.end and not self.redraws_at(step)

    @property
    def allocations(self) -> int:
        """How many masks the schedule draws in all."""
        last = self.end if self.includes_end else self.end - 1
        return max(0, last // self.interval - self.warmup // self.interval)

    def newest_redraw(self, step: int) -> int:
        """Return the last step up to `step` at which a mask is drawn, 0 if there is none."""
        last = self.end if self.includes_end else self.end - 1
        newest = min(step, last) // self.interval * self.interval
        return newest if newest > self.warmup else 0

    @property
    def last_allocation(self) -> int | None:
        """The step of the last mask, or None if no mask is ever drawn."""
        return self.newest_redraw(self.total) or None


def cubic_budget(
    step: int, schedule: BudgetSchedule, rounding: Rounding = "floor", exact: bool = True
) -> int:
    """Return how many singular triplets the whole model may keep after `step` steps.

    b^t = b^T + (b^0 - b^T) (1 - (t - t_i) / (T - t_i))^3, Section 4.3.3 of LINGO and Section 2 of
    AdaLoRA+RS (there t_i = 0), AdaLoRA Eq. (12) with numerator t - t_i as in its authors' code;
    constant before t_i and from T on. The variant t - t_i - t_f, also in circulation, starts above
    `initial`.

    Args:
        step: Optimiser steps done, 0 <= step <= schedule.total.
        schedule: Steps and model-wide triplet counts.
        rounding: How a fraction of a triplet becomes a whole one; the authors' programs cut it off.
        exact: Rational arithmetic. False computes in floating point as the released programs do,
            which now and then loses a triplet where the exact budget is a whole number.

    Raises:
        ValueError: If `step` lies outside the schedule.
    """
    s = schedule
    if not 0 <= step <= s.total:
        raise ValueError(
            f"cubic_budget: step {step} is outside 0..{s.total}; "
            "build the schedule from trainer.estimated_stepping_batches."
        )
    if step <= s.warmup:
        return s.initial
    if step >= s.end:
        return s.target
    done, length = step - s.warmup, s.end - s.warmup
    if exact:
        return _ROUND[rounding](
            s.target + (s.initial - s.target) * (1 - Fraction(done, length)) ** 3
        )
    # Term for term as in the released program: its rounding errors are part of its behaviour.
    return _ROUND[rounding](Fraction(s.target + (s.initial - s.target) * (1 - done / length) ** 3))

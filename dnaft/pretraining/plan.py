"""How long a pretraining is and in what portions: steps, tokens, rows."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What the user asks for.

    Attributes:
        steps: Optimiser steps in all; or
        tokens: tokens in all.
        batch_tokens: Tokens of one optimiser step, about: whole rows are taken.
        micro_batch_tokens: Tokens at a time, if memory does not hold the batch of a step; None
            for all at once.

    Raises:
        ValueError: If a number lies outside its domain, or there is not exactly one length.
    """

    steps: int | None
    tokens: int | None
    batch_tokens: int
    micro_batch_tokens: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if (self.steps is None) == (self.tokens is None):
            raise ValueError(
                "give the length of the pretraining once: plan.steps=NUMBER, or plan.tokens=NUMBER "
                "with plan.steps=null"
            )
        for name in ("steps", "tokens", "batch_tokens", "micro_batch_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be 1 or more, got {value}")

    def portions(self, row_tokens: float) -> "Portions":
        """Return the plan in rows.

        Args:
            row_tokens: Tokens of a row, on average.
        """
        rows = max(1, round(self.batch_tokens / row_tokens))
        micro_batches = 1
        if self.micro_batch_tokens is not None:
            micro_batches = min(rows, math.ceil(rows * row_tokens / self.micro_batch_tokens))
        rows = math.ceil(rows / micro_batches) * micro_batches
        steps = self.steps or math.ceil((self.tokens or 0) / (rows * row_tokens))
        return Portions(steps, rows, micro_batches)


@dataclass(frozen=True)
class Portions:
    """The plan in rows.

    Attributes:
        steps: Optimiser steps.
        rows: Rows of a step.
        micro_batches: Equal parts in which a step is computed.
    """

    steps: int
    rows: int
    micro_batches: int

    def numbers(self, batch: int, rank: int, world: int) -> range:
        """Return the examples of micro-batch `batch`, counted from the first step on.

        Step s takes the examples s * rows, ..., (s + 1) * rows - 1. Its micro-batches, and the
        processes within one, take every n-th of them, so none is taken twice.
        """
        step, part = divmod(batch, self.micro_batches)
        first = step * self.rows + part + rank * self.micro_batches
        return range(first, (step + 1) * self.rows, self.micro_batches * world)

"""What each allocation of ranks did."""

import csv
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_COUNTS = ("budget", "kept", "kept_parameters", "dropped", "reintroduced")


@dataclass(frozen=True)
class Allocation:
    """One draw of the mask.

    Attributes:
        step: Optimiser steps done.
        budget: b^t: triplets in the top, or the parameters that they may have.
        kept: Triplets whose value stays.
        kept_parameters: Numbers in P, lambda and Q that belong to them.
        dropped: Triplets of the top that the draw pruned.
        reintroduced: Triplets outside the top that the draw kept.
        ranks: Triplets kept in each matrix.
    """

    step: int
    budget: int
    kept: int
    kept_parameters: int
    dropped: int
    reintroduced: int
    ranks: list[int]

    def logged(self, matrices: dict[str, int]) -> dict[str, float]:
        """Return the values for the loggers, under `rank/`."""
        values = {f"rank/{name}": float(getattr(self, name)) for name in _COUNTS}
        return values | {
            f"rank/{name}": float(rank) for name, rank in zip(matrices, self.ranks, strict=True)
        }


@dataclass
class AllocationHistory:
    """All allocations of a run.

    Attributes:
        matrices: Name of each matrix, "<layer>.<role>", and its rank at the start.
        rows: Allocations in order.
    """

    matrices: dict[str, int] = field(default_factory=dict)
    rows: list[Allocation] = field(default_factory=list)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return plain values, for a checkpoint."""
        return [asdict(row) for row in self.rows]

    def load_rows(self, rows: list[dict[str, Any]]) -> None:
        """Put back what `to_rows` gave."""
        self.rows = [Allocation(**row) for row in rows]

    def write_csv(self, path: Path) -> None:
        """Write one line an allocation, one column a matrix."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", *_COUNTS, *self.matrices])
            for row in self.rows:
                counts = [getattr(row, name) for name in _COUNTS]
                writer.writerow([row.step, *counts, *row.ranks])

"""Windows of a genome with what lies around them, so that training can shift them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# What the random numbers are for: shifts of one seed differ from other draws of it.
_SHIFTS = 3


@dataclass(frozen=True)
class Jitter:
    """How far windows may be shifted, and in how many ways an epoch may read each.

    Attributes:
        bp: The most bases of a shift, to either side.
        views: How many shifts each row has, drawn once; an epoch reads one of them.
        seed: Of these draws.

    Raises:
        ValueError: If a number is out of range.
    """

    bp: int
    views: int = 8
    seed: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.bp < 1:
            raise ValueError(f"jitter must be 1 bp or more, got {self.bp}")
        if self.views < 2:
            raise ValueError(f"jitter_views must be 2 or more, got {self.views}")

    def shifts(self, rows: int) -> NDArray[np.int64]:
        """Return the shift of each view of each row, (views, rows), from -bp to bp."""
        random = np.random.default_rng([self.seed, _SHIFTS])
        return random.integers(-self.bp, self.bp + 1, (self.views, rows))

    def cut(self, wide: list[str], shifts: NDArray[np.int64]) -> list[str]:
        """Return the windows at these shifts.

        Args:
            wide: Windows with `bp` more bases at either end.
            shifts: Of each row, (rows,); positive is towards the end of the sequence.
        """
        begins = (self.bp + shifts).tolist()
        return [
            text[begin : begin + len(text) - 2 * self.bp]
            for text, begin in zip(wide, begins, strict=True)
        ]

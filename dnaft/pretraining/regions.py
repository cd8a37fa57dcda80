"""What an annotation says about each base, for text that names regions before it shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Regions:
    """Labels of all bases.

    Attributes:
        domains: Plain-language name of each label.
        reversed_labels: The label of the same base when the other strand is read, (labels,).
        labels: Label of each base of each chromosome, the plus strand read, each (length,) uint8.
        neutral: Name for sequence of any kind.
        behind_fraction: Share of the rows of text that name regions behind, not in front.

    Raises:
        ValueError: If `behind_fraction` is no share.
    """

    domains: tuple[str, ...]
    reversed_labels: Labels
    labels: Mapping[str, Labels]
    neutral: str
    behind_fraction: float

    def __post_init__(self) -> None:
        if not 0 <= self.behind_fraction <= 1:
            raise ValueError(f"behind_fraction must lie in [0, 1], got {self.behind_fraction}")

    def read(self, chromosome: str, start: int, end: int, strand: int) -> Labels:
        """Return the labels of a stretch as they follow each other on `strand`, (bases,)."""
        labels = self.labels[chromosome][start:end]
        return labels if strand > 0 else self.reversed_labels[labels][::-1]


def segments(labels: Labels, shortest: int) -> list[tuple[int, int, int]]:
    """Cut a row of labels where they change; return (begin, end, label), end excluded.

    A piece shorter than `shortest` joins the piece before it, the first one the piece behind it.

    >>> segments(np.array([1, 1, 1, 2, 3, 3, 3], np.uint8), 2)
    [(0, 4, 1), (4, 7, 3)]
    """
    cuts = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    pieces: list[tuple[int, int, int]] = []
    for begin, end in pairwise(cuts):
        label = int(labels[begin])
        if pieces and (end - begin < shortest or pieces[-1][2] == label):
            pieces[-1] = (pieces[-1][0], end, pieces[-1][2])
        elif pieces and pieces[-1][1] - pieces[-1][0] < shortest:
            pieces[-1] = (pieces[-1][0], end, label)
        else:
            pieces.append((begin, end, label))
    return pieces

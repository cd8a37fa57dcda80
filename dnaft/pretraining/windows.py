"""Windows of chromosomes, drawn by number: window n of a seed is always the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dnaft.pretraining.draws import PLACE, uniforms
from dnaft.pretraining.genome import Codes, Genome, Split
from dnaft.tokenizers.numbers import is_acgt


def _complement() -> Codes:
    table = np.zeros(256, dtype=np.uint8)
    table[list(b"ACGT")] = list(b"TGCA")
    return table


_COMPLEMENT = _complement()


def other_strand(codes: Codes) -> Codes:
    """Return the reverse complement of ASCII codes A, C, G, T, in the same shape."""
    return _COMPLEMENT[codes][::-1]


@dataclass(frozen=True)
class Window:
    """A stretch of a chromosome, read on one strand.

    Attributes:
        chromosome: Its name.
        start: First base on the plus strand, from 0.
        length_bp: Number of bases.
        strand: +1, or -1 for the reverse complement.
    """

    chromosome: str
    start: int
    length_bp: int
    strand: int


class WindowSampler:
    """Draws windows of A, C, G and T uniformly from the chromosomes of one split.

    Windows may overlap and come again: there are no epochs. A window with any other letter is
    never drawn.

    Args:
        genome: The genome.
        split: Whose chromosomes.
        length_bp: Bases of a window.
        seed: Seed of all draws.
        reverse_probability: Probability that a window is read on the minus strand.

    Raises:
        ValueError: If a number is out of range, or the split has no such window.
    """

    def __init__(
        self,
        genome: Genome,
        split: Split,
        length_bp: int,
        seed: int,
        reverse_probability: float = 0.5,
    ) -> None:
        if length_bp < 1:
            raise ValueError(f"window_bp must be 1 or more, got {length_bp}")
        if not 0 <= reverse_probability <= 1:
            raise ValueError(f"reverse_probability must lie in [0, 1], got {reverse_probability}")
        self._genome = genome
        self._length_bp = length_bp
        self._seed = seed
        self._reverse_probability = reverse_probability
        # Stretches of A, C, G, T that hold a window, and how many windows lie before each.
        self._stretches: list[tuple[str, int]] = []
        counts = []
        for name in genome.names(split):
            for begin, end in known_stretches(genome.chromosomes[name]):
                if end - begin >= length_bp:
                    self._stretches.append((name, begin))
                    counts.append(end - begin - length_bp + 1)
        if not counts:
            raise ValueError(
                f"the {split} chromosomes of {genome.name} have no {length_bp:,} bases in a row "
                "without another letter than A, C, G, T; lower window_bp"
            )
        self._ends = np.cumsum(counts)

    def __len__(self) -> int:
        """Return how many different windows there are, strands not counted."""
        return int(self._ends[-1])

    def draw(self, example: int) -> Window:
        """Return window number `example`."""
        where, which = uniforms(self._seed, example, PLACE, 2)
        place = min(int(where * len(self)), len(self) - 1)
        stretch = int(np.searchsorted(self._ends, place, side="right"))
        name, begin = self._stretches[stretch]
        before = int(self._ends[stretch - 1]) if stretch else 0
        strand = -1 if which < self._reverse_probability else 1
        return Window(name, begin + place - before, self._length_bp, strand)

    def read(self, window: Window) -> Codes:
        """Return the bases of a window as read on its strand, ASCII codes, (length_bp,)."""
        end = window.start + window.length_bp
        codes = self._genome.chromosomes[window.chromosome][window.start : end]
        return codes if window.strand > 0 else other_strand(codes)


def known_stretches(codes: Codes) -> Sequence[tuple[int, int]]:
    """Return begin and end of each maximal stretch of A, C, G, T."""
    known = np.zeros(len(codes) + 2, dtype=np.int8)
    known[1:-1] = is_acgt(codes)
    edges = np.flatnonzero(np.diff(known))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]

"""Sequences as sparse feature matrices: how often each k-mer occurs, which base stands where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg

from dnaft.sequence import encode_bases, gc_fractions

MAX_K = 8  # 4^8 = 65,536 features
_ROWS_AT_ONCE = 10_000  # bounds the memory for the positions of all k-mers
_OTHER = 4
_NUMBER = np.full(256, _OTHER, dtype=np.int64)  # A 0, C 1, G 2, T 3, in either case
_NUMBER[np.frombuffer(b"ACGTacgt", dtype=np.uint8)] = np.tile(np.arange(4), 2)


class Features(Protocol):
    """Turns sequences into numbers."""

    def transform(self, sequences: Sequence[str], length_bp: int) -> sparse.csr_array:
        """Return the features of each sequence, (sequences, features), float64.

        Args:
            sequences: DNA.
            length_bp: Longest sequence of train.
        """
        ...

    def count_cut(self, sequences: Sequence[str], length_bp: int) -> int:
        """Return how many sequences lose bases behind `length_bp`."""
        ...


@dataclass(frozen=True)
class KmerCounts:
    """How often each k-mer occurs in a sequence, wherever it stands, on the given strand.

    Feature i is the k-mer whose bases are the digits of i to base 4, A 0, C 1, G 2, T 3, the first
    base highest. A k-mer with any other letter is not counted.

    Attributes:
        k: Bases of a k-mer, 1 to 8.
        scale: `none` keeps the counts; `l2` divides those of a sequence by their Euclidean norm,
            which makes sequences of any length alike. On dev of five GUE sets neither is ahead.
    """

    k: int = 6
    scale: Literal["none", "l2"] = "none"

    def __post_init__(self) -> None:
        """Check the values."""
        if not 1 <= self.k <= MAX_K:
            raise ValueError(f"k must be 1 to {MAX_K}, got {self.k}")
        if self.scale not in ("none", "l2"):
            raise ValueError(f"scale must be none or l2, got {self.scale!r}")

    def transform(self, sequences: Sequence[str], length_bp: int) -> sparse.csr_array:
        """Return the features of each sequence, (sequences, 4^k), float64.

        Args:
            sequences: DNA.
            length_bp: Not used: counts need no common length.
        """
        starts = range(0, max(len(sequences), 1), _ROWS_AT_ONCE)
        parts = [self._count(sequences[start : start + _ROWS_AT_ONCE]) for start in starts]
        counts = sparse.csr_array(sparse.vstack(parts, format="csr"))
        if self.scale == "none":
            return counts
        norm = linalg.norm(counts, axis=1)
        norm[norm == 0] = 1.0
        return sparse.csr_array(counts.multiply(1 / norm[:, None]))

    def count_cut(self, sequences: Sequence[str], length_bp: int) -> int:
        """Return 0: no base is left out."""
        return 0

    def _count(self, sequences: Sequence[str]) -> sparse.csr_array:
        numbers, row, position, length = _lay_out(sequences)
        kmers = np.zeros(len(numbers), dtype=np.int64)
        whole = position + self.k <= length[row]
        for offset in range(self.k):
            # Windows over the end of the last sequence wrap around, and are not whole.
            base = np.roll(numbers, -offset)
            whole &= base != _OTHER
            kmers = 4 * kmers + base
        cells = (row[whole], kmers[whole])
        return _ones(cells, (len(sequences), 4**self.k))


@dataclass(frozen=True)
class PositionalOneHot:
    """Which base stands at each position: feature 4 p + b is 1 if base b stands at position p.

    Bases are A 0, C 1, G 2, T 3; another letter, and a position behind the end of a sequence, has
    four zeros. Sequences are aligned at their first base and cut at the given length.
    """

    def transform(self, sequences: Sequence[str], length_bp: int) -> sparse.csr_array:
        """Return the features of each sequence, (sequences, 4 length_bp), float64.

        Args:
            sequences: DNA.
            length_bp: Positions that are features.
        """
        numbers, row, position, _ = _lay_out(sequences)
        kept = (numbers != _OTHER) & (position < length_bp)
        cells = (row[kept], 4 * position[kept] + numbers[kept])
        return _ones(cells, (len(sequences), 4 * length_bp))

    def count_cut(self, sequences: Sequence[str], length_bp: int) -> int:
        """Return how many sequences are longer than `length_bp` and lose their end."""
        return sum(len(sequence) > length_bp for sequence in sequences)


@dataclass(frozen=True)
class GcContent:
    """One number a sequence: the share of G and C among its A, C, G and T; 0.5 without any."""

    def transform(self, sequences: Sequence[str], length_bp: int) -> sparse.csr_array:
        """Return the share of each sequence, (sequences, 1), float64.

        Args:
            sequences: DNA.
            length_bp: Not used: a share needs no common length.
        """
        return sparse.csr_array(gc_fractions(sequences)[:, None])

    def count_cut(self, sequences: Sequence[str], length_bp: int) -> int:
        """Return 0: no base is left out."""
        return 0


@dataclass(frozen=True)
class SequenceLength:
    """One number a sequence: its bases over those of the longest of train."""

    def transform(self, sequences: Sequence[str], length_bp: int) -> sparse.csr_array:
        """Return the length of each sequence, (sequences, 1), float64.

        Args:
            sequences: DNA.
            length_bp: The length that is 1.
        """
        lengths = np.fromiter(map(len, sequences), np.float64, len(sequences))
        return sparse.csr_array(lengths[:, None] / max(length_bp, 1))

    def count_cut(self, sequences: Sequence[str], length_bp: int) -> int:
        """Return 0: no base is left out."""
        return 0


def _lay_out(
    sequences: Sequence[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return base number, row and position of every base, and the length of every row."""
    codes, offsets = encode_bases(sequences)
    length = np.diff(offsets)
    row = np.repeat(np.arange(len(sequences)), length)
    return _NUMBER[codes], row, np.arange(len(codes)) - offsets[row], length


def _ones(
    cells: tuple[NDArray[np.int64], NDArray[np.int64]], shape: tuple[int, int]
) -> sparse.csr_array:
    """Return a matrix with a 1 for each cell, added up where a cell comes again."""
    return sparse.coo_array((np.ones(len(cells[0])), cells), shape=shape).tocsr()

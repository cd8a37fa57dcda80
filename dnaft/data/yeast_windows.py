"""Windows of a genome: drawn by chance, and kept when unlike all windows kept before.

Draws are raw output of PCG64, whose stream NumPy promises never to change, reduced to a range by
the remainder; the samplers of `numpy.random.Generator` carry no such promise.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dnaft.sequence import encode_bases, reverse_complement, two_bit_codes

WORD_BP = 24  # too long to be shared by chance in a genome of 12 million bases
MAX_SHARED_SAME = 0.5  # part of a positive's words found in positives of its own split
MAX_SHARED_ELSE = 0.1  # part of its words found in another split; for a negative: anywhere
ANY = 1 << 40  # for draws whose range is known only when used: `draw % range`
_DRAWS_AT_ONCE = 4096
_MOST_DRAWS = 20_000_000

Outcome = Literal["kept", "like one of their split", "like one of another split"]


class Window(NamedTuple):
    """A place in the genome: chromosome from 1, 0-based left end on the plus strand, strand ±1."""

    chromosome: int
    start: int
    strand: int


class Selection:
    """Windows kept so far, by split, with all their words of 24 bases.

    A word and its reverse complement count as one. An offered window is refused if too many of
    its words are in windows kept before, so repeats, paralogs and the two strands of one place
    enter once.

    Args:
        genome: Sequence of each chromosome, plus strand.
        length_bp: Length of all windows.
    """

    def __init__(self, genome: dict[int, str], length_bp: int) -> None:
        self._genome = genome
        self.length_bp = length_bp
        self._kept: dict[str, list[Window]] = {}
        self._words: dict[str, set[int]] = {}

    def read(self, window: Window) -> str:
        """Return the bases of a window, 5' to 3' on its strand."""
        bases = self._genome[window.chromosome][window.start : window.start + self.length_bp]
        return bases if window.strand > 0 else reverse_complement(bases)

    def kept(self, split: str) -> list[Window]:
        """Return the windows of a split, in the order they were offered."""
        return list(self._kept.get(split, ()))

    def offer(self, window: Window, split: str, strict: bool = False) -> Outcome:
        """Keep a window unless it is too like those kept before.

        Args:
            window: The window.
            split: Where it would go.
            strict: Treat windows of its own split like those of the others.
        """
        words = canonical_words(self.read(window), WORD_BP).tolist()
        shared = {
            name: sum(word in seen for word in words) / len(words)
            for name, seen in self._words.items()
        }
        if any(part > MAX_SHARED_ELSE for name, part in shared.items() if name != split):
            return "like one of another split"
        if shared.get(split, 0) > (MAX_SHARED_ELSE if strict else MAX_SHARED_SAME):
            return "like one of their split"
        self._kept.setdefault(split, []).append(window)
        self._words.setdefault(split, set()).update(words)
        return "kept"


def canonical_words(sequence: str, word_bp: int) -> NDArray[np.uint64]:
    """Number each word of a sequence, or its reverse complement if that number is smaller.

    Args:
        sequence: Upper-case A, C, G, T.
        word_bp: Bases a word, at most 32.

    Returns:
        `(len(sequence) - word_bp + 1,)`, numbers in base 4 with A 0, C 1, G 2, T 3.
    """
    codes = two_bit_codes(encode_bases([sequence])[0]).astype(np.uint64)
    count = len(codes) - word_bp + 1
    forward = np.zeros(count, np.uint64)
    backward = np.zeros(count, np.uint64)
    for i in range(word_bp):
        base = codes[i : i + count]
        forward = (forward << np.uint64(2)) | base
        backward |= (np.uint64(3) - base) << np.uint64(2 * i)
    return np.minimum(forward, backward)


def is_base(sequence: str, bases: str) -> NDArray[np.bool_]:
    """Mark the places that hold one of `bases`."""
    return np.isin(encode_bases([sequence])[0], encode_bases([bases])[0])


def draw_order(count: int, seed: int) -> list[int]:
    """Return 0 to count - 1 in an order drawn by chance."""
    keys = np.random.PCG64(seed).random_raw(count)
    return [int(i) for i in np.argsort(keys, kind="stable")]


def random_integers(seed: int, below: int) -> Iterator[int]:
    """Yield integers from 0 to below - 1, twenty million at most."""
    generator = np.random.PCG64(seed)
    for _ in range(0, _MOST_DRAWS, _DRAWS_AT_ONCE):
        yield from (generator.random_raw(_DRAWS_AT_ONCE) % np.uint64(below)).tolist()

"""The order-n Markov chain of a genome, the yardstick of what its short words tell."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dnaft.pretraining.genome import Codes
from dnaft.pretraining.windows import known_stretches, other_strand
from dnaft.sequence import two_bit_codes

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MarkovChain:
    """Bases 0 to 3 (A, C, G, T), each drawn given the `order` bases before it.

    A sequence is thought to follow on `order` bases that nobody has seen, which are distributed
    as the words of the genome. So its first bases have a probability, too, and a model that sees
    no more than a window is compared with a chain that sees no more.

    A context is a number in base 4, its last base fastest.

    Attributes:
        order: Bases that the next one depends on.
        start: Probability of each context in front of a sequence, (4**order,).
        next: Probability of the next base, (4**order, 4).
    """

    order: int
    start: Floats
    next: Floats

    @classmethod
    def count(cls, sequences: Iterable[Codes], order: int = 5, pseudo_count: float = 1.0) -> Self:
        """Estimate the chain from sequences and their reverse complements.

        Args:
            sequences: ASCII codes; words with another letter than A, C, G, T are left out.
            order: Bases that the next one depends on.
            pseudo_count: Added to the count of every word of `order` + 1 bases.
        """
        words = 4 ** (order + 1)
        counts = np.full(words, pseudo_count, dtype=np.float64)
        for codes in sequences:
            for *_, numbers in words_by_strand(codes, order + 1):
                counts += np.bincount(numbers, minlength=words)
        table = counts.reshape(-1, 4)
        totals = table.sum(axis=1)
        return cls(order, totals / totals.sum(), table / totals[:, None])

    @property
    def _by_oldest(self) -> Floats:
        """`next` by the first base of the context, its others, and the next base."""
        return self.next.reshape(4, -1, 4)

    def step(self, states: Floats, allowed: NDArray[np.bool_]) -> Floats:
        """Move on by one base.

        Args:
            states: Weight of each context, (rows, 4**order).
            allowed: Which bases each row may have here, (rows, 4).

        Returns:
            Weight of each context that ends with this base, (rows, 4**order).
        """
        rows = len(states)
        # a: the oldest base of the context, forgotten; m: its other bases; b: the next one.
        moved: Floats = np.einsum("ram,amb->rmb", states.reshape(rows, 4, -1), self._by_oldest)
        moved *= allowed[:, None, :]
        return moved.reshape(rows, -1)

    def step_back(self, weights: Floats, allowed: NDArray[np.bool_]) -> Floats:
        """Undo `step` for weights of what follows: sum over the base behind each context.

        Args:
            weights: Probability of all that follows, given each context that ends with this
                base, (rows, 4**order).
            allowed: Which bases each row may have here, (rows, 4).

        Returns:
            The same given each context before this base, (rows, 4**order).
        """
        rows = len(weights)
        of_base = weights.reshape(rows, -1, 4) * allowed[:, None, :]
        moved: Floats = np.einsum("rmb,amb->ram", of_base, self._by_oldest)
        return moved.reshape(rows, -1)

    def next_base_nats(self, bases: NDArray[np.uint8]) -> Floats:
        """Return -log p of each base given those before it in its row, (rows, length).

        Args:
            bases: 0 to 3, (rows, length).
        """
        rows, length = bases.shape
        nats = np.empty((rows, length))
        states = np.broadcast_to(self.start, (rows, len(self.start))).copy()
        for place in range(min(length, self.order)):
            states = self.step(states, np.eye(4, dtype=bool)[bases[:, place]])
            totals = states.sum(axis=1)
            nats[:, place] = -np.log(totals)
            states /= totals[:, None]
        if length > self.order:
            contexts = sum(
                bases[:, i : length - self.order + i].astype(np.int64) << 2 * (self.order - 1 - i)
                for i in range(self.order)
            )
            nats[:, self.order :] = -np.log(self.next[contexts, bases[:, self.order :]])
        return nats


def words_by_strand(codes: Codes, length: int) -> Iterator[tuple[int, int, int, NDArray[np.int64]]]:
    """Yield the words of each stretch without other letters than A, C, G, T, on both strands.

    Args:
        codes: ASCII codes of a sequence.
        length: Bases of a word.

    Yields:
        Begin and end of the stretch, the strand (+1 or -1), and its words, as they follow each
        other on that strand, see `word_numbers`.
    """
    for begin, end in known_stretches(codes):
        stretch = codes[begin:end]
        for strand, read in ((1, stretch), (-1, other_strand(stretch))):
            yield begin, end, strand, word_numbers(two_bit_codes(read), length)


def word_numbers(bases: NDArray[np.uint8], length: int) -> NDArray[np.int64]:
    """Return the word that begins at each place as a number in base 4, the last base fastest.

    Args:
        bases: 0 to 3, (n,).
        length: Bases of a word.
    """
    places = max(0, len(bases) - length + 1)
    numbers = np.zeros(places, dtype=np.int64)
    for i in range(length):
        numbers = numbers * 4 + bases[i : i + places]
    return numbers

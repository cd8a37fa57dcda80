"""The chain against counts by pencil, and against the product of its own numbers."""

from collections import Counter
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from dnaft.pretraining.markov import MarkovChain
from dnaft.sequence import reverse_complement


def codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def test_counts_by_pencil() -> None:
    # AACG and its other strand CGTT: AA AC CG and CG GT TT. With 1 added to each of 16 words:
    chain = MarkovChain.count([codes("AACG")], order=1)
    a, c, g, t = (
        [Fraction(2, 6), Fraction(2, 6), Fraction(1, 6), Fraction(1, 6)],
        [Fraction(1, 6), Fraction(1, 6), Fraction(3, 6), Fraction(1, 6)],
        [Fraction(1, 5), Fraction(1, 5), Fraction(1, 5), Fraction(2, 5)],
        [Fraction(1, 5), Fraction(1, 5), Fraction(1, 5), Fraction(2, 5)],
    )
    assert chain.next == pytest.approx(np.array([a, c, g, t], dtype=float))
    assert chain.start == pytest.approx(np.array([6, 6, 5, 5]) / 22)


def test_words_with_other_letters_are_left_out() -> None:
    with_n = MarkovChain.count([codes("ACGTNNACCNA")], order=2)
    apart = MarkovChain.count([codes("ACGT"), codes("ACC")], order=2)
    assert (with_n.next == apart.next).all()


def test_both_strands_have_the_same_words() -> None:
    generator = np.random.default_rng(1)
    text = "".join(generator.choice(list("ACGT"), 3000))
    counts: Counter[str] = Counter()
    for strand in (text, reverse_complement(text)):
        counts.update(strand[i : i + 4] for i in range(len(strand) - 3))
    chain = MarkovChain.count([codes(text)], order=3, pseudo_count=0.5)
    for context in map("".join, product("ACGT", repeat=3)):
        row = np.array([counts[context + base] + 0.5 for base in "ACGT"])
        number = int("".join(str("ACGT".index(base)) for base in context), 4)
        assert chain.next[number] == pytest.approx(row / row.sum())


@pytest.mark.parametrize("order", [1, 2, 5])
def test_nats_of_each_next_base(order: int) -> None:
    generator = np.random.default_rng(order)
    chain = MarkovChain(
        order,
        generator.dirichlet(np.ones(4**order)),
        generator.dirichlet(np.ones(4), size=4**order),
    )
    rows = generator.integers(0, 4, (3, 7), dtype=np.uint8)
    nats = chain.next_base_nats(rows)
    for row, found in zip(rows, nats, strict=True):
        for place in range(7):
            # Slowly: sum over all contexts that nobody has seen.
            assert np.exp(-found[place]) == pytest.approx(
                probability(chain, row[: place + 1]) / probability(chain, row[:place])
            )


def probability(chain: MarkovChain, bases: np.ndarray) -> float:
    """Sum over the unseen bases in front of a sequence."""
    total = 0.0
    for context in range(4**chain.order):
        weight, state = float(chain.start[context]), context
        for base in bases:
            weight *= float(chain.next[state, base])
            state = (4 * state + int(base)) % 4**chain.order
        total += weight
    return total

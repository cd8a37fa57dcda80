"""Hidden bases: forward-backward against the sum over all sequences."""

from itertools import product

import numpy as np
import pytest

from dnaft.pretraining.markov import MarkovChain
from dnaft.pretraining.posterior import HiddenBases, predict_stretches


def random_chain(order: int, seed: int) -> MarkovChain:
    generator = np.random.default_rng(seed)
    return MarkovChain(
        order,
        generator.dirichlet(np.ones(4**order)),
        generator.dirichlet(np.full(4, 0.5), size=4**order),
    )


def brute_force(chain: MarkovChain, row: HiddenBases) -> tuple[list[float], list[bool]]:
    """P(stretch | visible) by enumerating unseen bases in front and all hidden ones."""
    length, places = len(row.bases), np.flatnonzero(row.hidden)
    weights: dict[tuple[int, ...], float] = {}
    for filling in product(range(4), repeat=len(places)):
        bases = row.bases.copy()
        bases[places] = filling
        total = 0.0
        for context in product(range(4), repeat=chain.order):
            state = 0
            for base in context:
                state = 4 * state + base
            weight = float(chain.start[state])
            for base in bases:
                weight *= float(chain.next[state, base])
                state = (4 * state + int(base)) % 4**chain.order
            total += weight
        weights[filling] = total
    whole = sum(weights.values())
    nats, hits = [], []
    for begin, size in zip(row.begins, row.lengths, strict=True):
        inside = (places >= begin) & (places < begin + size)
        of_word: dict[tuple[int, ...], float] = {}
        for filling, weight in weights.items():
            word = tuple(np.array(filling)[inside])
            of_word[word] = of_word.get(word, 0.0) + weight
        truth = of_word[tuple(row.bases[begin : begin + size])]
        nats.append(-np.log(truth / whole))
        hits.append(truth >= max(of_word.values()) * (1 - 1e-12))
    assert length == len(row.hidden)
    return nats, hits


ROWS = [
    # hidden places, then stretches asked for: (begin, length)
    ([3], [(3, 1)]),
    ([0, 7], [(0, 1), (7, 1)]),  # at both ends
    ([2, 3], [(2, 1), (3, 1), (2, 2)]),  # one of two, and both
    ([1, 2, 3, 5], [(1, 3), (2, 1), (2, 2), (5, 1)]),
    ([4, 5, 6, 7], [(4, 4), (4, 1)]),
]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(("hidden", "stretches"), ROWS)
def test_against_the_sum_over_all_sequences(
    order: int, hidden: list[int], stretches: list[tuple[int, int]]
) -> None:
    chain = random_chain(order, seed=order)
    generator = np.random.default_rng(7)
    mask = np.zeros(8, dtype=bool)
    mask[hidden] = True
    row = HiddenBases(
        generator.integers(0, 4, 8, dtype=np.uint8),
        mask,
        np.array([begin for begin, _ in stretches]),
        np.array([size for _, size in stretches]),
    )
    nats, hits = predict_stretches(chain, [row])
    expected_nats, expected_hits = brute_force(chain, row)
    assert nats == pytest.approx(expected_nats, abs=1e-11)
    assert hits.tolist() == expected_hits


def test_rows_of_different_lengths_do_not_touch_each_other() -> None:
    chain = random_chain(2, seed=5)
    generator = np.random.default_rng(3)
    rows = []
    for length in (4, 9, 6, 40):
        mask = np.zeros(length, dtype=bool)
        mask[[1, length - 1]] = True
        bases = generator.integers(0, 4, length, dtype=np.uint8)
        rows.append(HiddenBases(bases, mask, np.array([1, length - 1]), np.array([1, 1])))
    together, _ = predict_stretches(chain, rows)
    alone = np.concatenate([predict_stretches(chain, [row])[0] for row in rows])
    assert together == pytest.approx(alone, abs=1e-12)


def test_order_five_by_hand() -> None:
    """One hidden base far from the ends: six factors, of the six words that hold it."""
    chain = random_chain(5, seed=2)
    bases = np.random.default_rng(4).integers(0, 4, 30, dtype=np.uint8)
    mask = np.zeros(30, dtype=bool)
    mask[14] = True
    nats, _ = predict_stretches(chain, [HiddenBases(bases, mask, np.array([14]), np.array([1]))])
    weights = []
    for base in range(4):
        filled = bases.copy()
        filled[14] = base
        weight = 1.0
        for place in range(14, 20):
            state = int("".join(map(str, filled[place - 5 : place])), 4)
            weight *= float(chain.next[state, filled[place]])
        weights.append(weight)
    assert nats[0] == pytest.approx(-np.log(weights[bases[14]] / sum(weights)), abs=1e-12)


def test_nothing_hidden_costs_nothing() -> None:
    chain = random_chain(2, seed=1)
    bases = np.array([0, 1, 2], dtype=np.uint8)
    row = HiddenBases(bases, np.zeros(3, dtype=bool), np.array([1]), np.array([0]))
    nats, hits = predict_stretches(chain, [row])
    assert nats.tolist() == [0.0]
    assert hits.tolist() == [True]

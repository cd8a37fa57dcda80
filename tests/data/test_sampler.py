"""Which rows an epoch reads: all of them once, or equally many of each class."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2

from dnaft.data.loader import TokenDataset
from dnaft.data.sampler import EpochSampler, draw_balanced, draws_per_row
from dnaft.data.table import SequenceTable
from dnaft.data.tokens import tokenise
from dnaft.tokenizers.kmer import KmerTokenizer

RARE = np.array([0] * 40 + [1] * 5 + [2] * 2)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TokenDataset:
    """47 rows of 10 to 33 bases."""
    random = np.random.default_rng(1)
    sequences = ["".join(random.choice(list("ACGT"), n)) for n in random.integers(10, 34, 47)]
    table = SequenceTable(sequences, RARE, "a.csv", "", np.arange(47))
    tokens = tokenise(table, KmerTokenizer(k=6), None, tmp_path_factory.mktemp("cache"))
    return TokenDataset(tokens, torch.from_numpy(RARE))


def epoch(
    dataset: TokenDataset, number: int = 0, seed: int = 1,
    classes: NDArray[np.int64] | None = RARE, together: int = 1,
) -> list[int]:  # fmt: skip
    sampler = EpochSampler(dataset, seed, 4, together, classes)
    sampler.set_epoch(number)
    drawn = list(sampler)
    assert len(sampler) == len(drawn)
    return drawn


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    count=st.integers(0, 100),
    seed=st.integers(0, 2**40),
)
def test_classes_are_equally_frequent(counts: list[int], count: int, seed: int) -> None:
    classes = np.repeat(np.arange(len(counts)), counts)
    drawn = draw_balanced(classes, count, np.random.default_rng(seed))
    assert len(drawn) == count
    found = np.bincount(classes[drawn], minlength=len(counts))
    assert found.max() - found.min() <= 1


def test_rows_of_a_class_are_equally_likely() -> None:
    """Expected 47 / 3 draws an epoch shared by the rows of a class: a chi-square over epochs."""
    counts = np.zeros(len(RARE))
    epochs = 600
    for seed in range(epochs):
        counts += np.bincount(draw_balanced(RARE, 47, np.random.default_rng(seed)), minlength=47)
    shares = draws_per_row(RARE)
    expected = np.array([shares[str(c)] for c in RARE]) * epochs
    assert shares == {"0": pytest.approx(47 / 120), "1": pytest.approx(47 / 15), "2": 47 / 6}
    assert expected.sum() == pytest.approx(47 * epochs)
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < chi2.ppf(0.995, df=47 - 3)  # the counts of the classes are fixed


def test_positions_are_shuffled() -> None:
    """Each class is as often in the first half of an epoch as in the second."""
    first = sum(
        int((RARE[draw_balanced(RARE, 46, np.random.default_rng(seed))[:23]] == 0).sum())
        for seed in range(200)
    )
    assert first == pytest.approx(200 * 23 / 3, rel=0.1)


def test_order_depends_on_seed_and_epoch_only(dataset: TokenDataset) -> None:
    orders = [epoch(dataset, number, seed) for number in (0, 1) for seed in (1, 2)]
    assert orders == [epoch(dataset, number, seed) for number in (0, 1) for seed in (1, 2)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])
    state = torch.get_rng_state()
    epoch(dataset)
    assert torch.equal(state, torch.get_rng_state())


def test_rows_of_an_epoch_are_read_on_either_strand(dataset: TokenDataset) -> None:
    both = TokenDataset(dataset._views[0], torch.from_numpy(RARE), dataset._views[0])
    sampler = EpochSampler(both, 1, 4, 1, None, 0.5)
    sampler.set_epoch(2)
    drawn = list(sampler)
    assert sorted(index % 47 for index in drawn) == list(range(47))
    assert 12 < sum(index >= 47 for index in drawn) < 35


@pytest.mark.parametrize("classes", [None, RARE])
def test_batches_of_like_length_hold_the_same_rows(
    dataset: TokenDataset, classes: NDArray[np.int64] | None
) -> None:
    lengths = dataset.longest_windows()
    drawn, sorted_rows = (epoch(dataset, classes=classes, together=n) for n in (1, 50))
    assert Counter(drawn) == Counter(sorted_rows)

    def padding(rows: list[int]) -> int:
        batches = [lengths[rows[i : i + 4]] for i in range(0, 44, 4)]
        return sum(int((batch.max() - batch).sum()) for batch in batches)

    assert padding(sorted_rows) < 0.5 * padding(drawn)


def test_without_classes_every_row_is_read_once(dataset: TokenDataset) -> None:
    assert sorted(epoch(dataset, classes=None, together=50)) == list(range(47))


def test_classes_with_a_gap_between_their_numbers() -> None:
    classes = np.array([5, 0, 5, 5])
    drawn = draw_balanced(classes, 100, np.random.default_rng(3))
    assert Counter(classes[drawn].tolist()) == {0: 50, 5: 50}
    assert set(drawn[classes[drawn] == 0].tolist()) == {1}

"""Batches of rows of like length."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnaft.data.buckets import bucket


def test_by_pencil() -> None:
    """Four batches of two, sorted two batches at a time."""
    lengths = np.array([9, 1, 8, 2, 7, 3, 6, 4, 5])
    got = bucket(np.arange(9), lengths, batch_size=2, together=2, seed=0).tolist()
    assert got[-1] == 8  # the small batch stays last
    batches = {tuple(got[i : i + 2]) for i in range(0, 8, 2)}
    # Rows 0 to 3 by length: 1 3 | 2 0; rows 4 to 7: 5 7 | 6 4.
    assert batches == {(1, 3), (2, 0), (5, 7), (6, 4)}


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=200),
    batch_size=st.integers(1, 9),
    together=st.integers(1, 20),
    seed=st.integers(0, 2**40),
)
def test_every_row_once(lengths: list[int], batch_size: int, together: int, seed: int) -> None:
    order = np.random.default_rng(1).permutation(len(lengths))
    got = bucket(order, np.array(lengths), batch_size, together, seed)
    assert sorted(got) == list(range(len(lengths)))
    again = bucket(order, np.array(lengths), batch_size, together, seed)
    assert np.array_equal(got, again)


@pytest.mark.parametrize(("lengths", "together"), [([5] * 40, 50), (range(1, 41), 1)])
def test_left_as_drawn(lengths: list[int], together: int) -> None:
    order = np.random.default_rng(1).permutation(40)
    assert np.array_equal(bucket(order, np.array(list(lengths)), 4, together, seed=3), order)


def test_less_padding() -> None:
    """Lengths as of byte-pair tokens of 300 bases; padding falls to a tenth."""
    lengths = np.random.default_rng(2).normal(62, 4, 6_400).round().astype(np.int64)
    order = np.arange(6_400)

    def padding(rows: np.ndarray) -> int:
        batches = lengths[rows].reshape(-1, 32)
        return int((batches.max(axis=1, keepdims=True) - batches).sum())

    assert padding(bucket(order, lengths, 32, 50, seed=1)) < 0.1 * padding(order)


def test_epochs_differ() -> None:
    lengths = np.random.default_rng(2).integers(1, 50, 400)
    first = bucket(np.arange(400), lengths, 4, 50, seed=1)
    assert not np.array_equal(first, bucket(np.arange(400), lengths, 4, 50, seed=2))

"""What each process reads of a batch and of a split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import SequentialSampler

from dnaft.data.shares import EvalShares, TrainShares
from dnaft.errors import InputError

counts = st.integers(1, 5)


@given(rows=st.integers(1, 60), size=st.integers(5, 12), processes=counts)
def test_all_processes_together_train_on_the_batches_of_one(
    rows: int, size: int, processes: int
) -> None:
    order = SequentialSampler(range(rows))
    shares = [list(TrainShares(order, size, processes, rank)) for rank in range(processes)]
    whole = [list(range(first, min(first + size, rows))) for first in range(0, rows, size)]
    for parts, batch in zip(zip(*shares, strict=True), whole, strict=True):
        assert all(parts), "a process without rows would keep the others waiting"
        if len(batch) < processes:
            assert all(part == batch for part in parts)
        else:
            assert sorted(row for part in parts for row in part) == batch
    assert len(TrainShares(order, size, processes, 0)) == len(whole)


@given(extra=st.integers(0, 60), size=st.integers(1, 12), processes=counts, seed=st.integers(0, 9))
def test_each_row_is_scored_by_one_process_which_has_some(
    extra: int, size: int, processes: int, seed: int
) -> None:
    rows = processes + extra
    order = np.random.default_rng(seed).permutation(rows)
    shares = [EvalShares("dev", order, size, processes, rank) for rank in range(processes)]
    all_read = [list(share) for share in shares]
    assert [len(share) for share in shares] == [len(batches) for batches in all_read]
    assert len({len(batches) for batches in all_read}) == 1, "one would wait for the others"
    assert all(batch for batches in all_read for batch in batches)
    read = [batches[: share.own] for share, batches in zip(shares, all_read, strict=True)]
    assert all(read)
    longest = max(map(len, read))
    in_turn = [b[i] for i in range(longest) for b in read if i < len(b)]
    assert [row for batch in in_turn for row in batch] == order.tolist()
    if -(-rows // size) >= processes:
        assert all(len(batch) == size for batch in in_turn[:-1])


def test_too_few_rows_for_the_processes() -> None:
    with pytest.raises(InputError, match=r"data\.batch_size: 2 rows cannot be parted among 3"):
        TrainShares(SequentialSampler(range(9)), 2, 3, 0)
    with pytest.raises(InputError, match=r"trainer\.devices: test has 2 rows, too few for 3"):
        EvalShares("test", np.arange(2), 4, 3, 0)

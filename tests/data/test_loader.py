"""Rows of several views, in any order, padded as lists of lists say."""

import numpy as np
import pytest
import torch

from dnaft.data.loader import Collate, TokenDataset
from dnaft.data.tokens import TokenRows
from dnaft.tokenizers.encoded import offsets_of

PAD = 9
Windows = list[list[int]]  # of a row


def as_rows(rows: list[Windows], types: bool) -> TokenRows:
    windows = [window for row in rows for window in row]
    ids = np.array([token for window in windows for token in window], np.uint16)
    return TokenRows(
        ids,
        offsets_of(np.array([len(window) for window in windows])),
        offsets_of(np.array([len(row) for row in rows])),
        np.arange(len(rows)),
        (ids % 2).astype(np.uint8) if types else None,
    )


@pytest.mark.parametrize("types", [False, True])
@pytest.mark.parametrize("most_windows", [1, 3])
def test_batches_are_those_of_lists(most_windows: int, types: bool) -> None:
    random = np.random.default_rng(3)
    views = [
        [
            [random.integers(0, 9, random.integers(1, 12)).tolist() for _ in range(count)]
            for count in random.integers(1, most_windows + 1, 20)
        ]
        for _ in range(3)
    ]
    labels = torch.arange(20.0)
    first, *others = (as_rows(view, types) for view in views)
    data, collate = TokenDataset(first, labels, *others), Collate(PAD)
    for indices in random.integers(0, 60, (30, 8)).tolist():
        chosen = [views[i // 20][i % 20] for i in indices]
        lines = [window for row in chosen for window in row]
        width = max(map(len, lines))
        batch = collate(data.__getitems__(indices))
        assert batch.input_ids.tolist() == [w + [PAD] * (width - len(w)) for w in lines]
        mask = [[1] * len(w) + [0] * (width - len(w)) for w in lines]
        assert batch.attention_mask.tolist() == mask
        assert batch.labels.tolist() == [i % 20 for i in indices]
        counts = None if len(lines) == len(chosen) else [len(row) for row in chosen]
        assert (None if batch.windows is None else batch.windows.tolist()) == counts
        odd = [[i % 2 for i in w] + [0] * (width - len(w)) for w in lines] if types else None
        found = batch.token_type_ids
        assert (None if found is None else found.tolist()) == odd

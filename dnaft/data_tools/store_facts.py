"""What the manifest of a store says of a split, found by reading it once through."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnaft.data.store import StoredSplit

_ROWS_AT_ONCE = 4096
_COMPLEMENT = np.full(256, ord("N"), np.uint8)
_COMPLEMENT[np.frombuffer(b"ACGT", np.uint8)] = np.frombuffer(b"TGCA", np.uint8)


def survey_split(split: StoredSplit) -> dict[str, Any]:
    """Count labels, bases and pairs of strands.

    Returns:
        `positives`: rows with each label; `gc_bases`, `unknown_bases`: how many there are;
        `strand_pairs`: how many rows i of the first half have in row i + rows / 2 their reverse
        complement, with the same labels.
    """
    positives = np.zeros(split.labels, np.int64)
    gc_bases = unknown_bases = strand_pairs = 0
    for rows in _blocks(split.rows):
        positives += split.read_labels(rows).sum(axis=0, dtype=np.int64)
        letters = split.read_bases(rows)
        gc_bases += int(((letters == ord("G")) | (letters == ord("C"))).sum())
        unknown_bases += int((letters == ord("N")).sum())
    half = split.rows // 2
    for rows in _blocks(half if split.rows % 2 == 0 else 0):
        turned = _COMPLEMENT[split.read_bases(rows)][:, ::-1]
        same = (turned == split.read_bases(rows + half)).all(axis=1)
        same &= (split.read_labels(rows) == split.read_labels(rows + half)).all(axis=1)
        strand_pairs += int(same.sum())
    return {
        "positives": positives.tolist(),
        "gc_bases": gc_bases,
        "unknown_bases": unknown_bases,
        "strand_pairs": strand_pairs,
    }


def _blocks(rows: int) -> Iterator[NDArray[np.int64]]:
    for first in range(0, rows, _ROWS_AT_ONCE):
        yield np.arange(first, min(first + _ROWS_AT_ONCE, rows))

"""A split of a store as a table whose rows are read when they are wanted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnaft.data.store import StoredSplit
from dnaft.data.table import SequenceTable
from dnaft.errors import InputError
from dnaft.losses import CountedLabels

MOST_BYTES = 4 << 30  # what `whole` may take: text and labels of a split
ROWS_AT_ONCE = 4096  # of walks through all rows


@dataclass(frozen=True)
class StoredTable:
    """Sequences of one split with their labels, on disk.

    Attributes:
        split: Where the rows are.
        first: Number of the first label in the store that is one of the table.
        labels: How many labels there are from that one on.
    """

    split: StoredSplit
    first: int
    labels: int

    def __len__(self) -> int:
        return self.split.rows

    @property
    def where(self) -> str:
        """How messages call it."""
        return self.split.where

    @property
    def length_bp(self) -> int:
        """Bases of each row."""
        return self.split.length_bp

    def take(self, rows: NDArray[np.int64]) -> SequenceTable:
        """Read some rows, in this order."""
        n = self.length_bp
        text = self.split.read_bases(rows).tobytes().decode("ascii")
        flags = self.split.read_labels(rows)[:, self.first : self.first + self.labels]
        return SequenceTable(
            sequences=[text[i * n : (i + 1) * n] for i in range(len(rows))],
            labels=flags.astype(np.float32),
            where=self.where,
            sha256=self.split.sha256,
            numbers=rows + 1,
            unit="row",
        )

    def blocks(self) -> Iterator[SequenceTable]:
        """Yield all rows, some thousands at a time."""
        for first in range(0, len(self), ROWS_AT_ONCE):
            yield self.take(np.arange(first, min(first + ROWS_AT_ONCE, len(self))))

    def whole(self) -> SequenceTable:
        """Read all rows into memory.

        Raises:
            InputError: If they would take more than 4 GiB.
        """
        needed = len(self) * (self.length_bp + 4 * self.labels)
        if needed > MOST_BYTES:
            raise InputError(
                f"{self.where}: {len(self):,} rows would take {needed / (1 << 30):.0f} GiB, and "
                "what was asked for holds all of them in memory; fine-tuning a language model "
                "reads them a batch at a time"
            )
        return self.take(np.arange(len(self)))

    def positives(self) -> NDArray[np.int64]:
        """Return how many rows have each label, (labels,)."""
        counts = self.split.facts["positives"][self.first : self.first + self.labels]
        return np.asarray(counts, dtype=np.int64)

    def counted_labels(self) -> CountedLabels:
        """Return what a loss may want to know of all rows."""
        return CountedLabels(len(self), tuple(self.positives().tolist()))


class StoredTables(Mapping[str, SequenceTable]):
    """Splits that are read into memory when, and each time, one is asked for.

    Args:
        tables: The splits.
    """

    def __init__(self, tables: Mapping[str, StoredTable]) -> None:
        self._tables = tables

    def __getitem__(self, split: str) -> SequenceTable:
        return self._tables[split].whole()

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

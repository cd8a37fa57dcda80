"""Rows of a store as a data set: read, turned and encoded a batch at a time, and kept nowhere."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, DistributedSampler

from dnaft.data.buckets import bucket
from dnaft.data.encoded_splits import Encoding
from dnaft.data.loader import Rows
from dnaft.data.permutation import Permutation
from dnaft.data.sampler import STRANDS
from dnaft.data.stored_table import StoredTable
from dnaft.data.survey import Survey
from dnaft.data.table import SequenceTable
from dnaft.sequence import reverse_complement

_PLACES_AT_ONCE = 8192  # of an epoch's order; a few more or less, by the size of batches


class StreamDataset(Dataset[Rows]):
    """Rows on disk with their labels; the indices are those of `TokenDataset`.

    Its length is the number of rows. Index `rows + i` is row i on the other strand.

    Args:
        table: The rows.
        encoding: How they become tokens.
        surveys: What was counted of the rows as given, and of their reverse complements if they
            are to be read.
    """

    def __init__(self, table: StoredTable, encoding: Encoding, surveys: Sequence[Survey]) -> None:
        self._table = table
        self._encoding = encoding
        self._surveys = surveys

    def __len__(self) -> int:
        return len(self._table)

    def longest_windows(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tokens of the longest window of some rows, (indices,)."""
        strands, rows = np.divmod(indices, len(self))
        lengths = np.empty(len(rows), np.int64)
        for strand in np.unique(strands):
            of_strand = strands == strand
            lengths[of_strand] = self._surveys[strand].longest_windows(rows[of_strand])
        return lengths

    def __getitem__(self, index: int) -> Rows:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Rows:
        """Return several rows at once, which is how loaders ask for a batch."""
        strands, rows = np.divmod(np.asarray(indices, np.int64), len(self))
        block = _turn(self._table.take(rows), strands)
        labels = torch.from_numpy(np.asarray(block.labels, np.float32))
        return Rows(self._encoding.encode_some(block), labels)


def _turn(block: SequenceTable, strands: NDArray[np.int64]) -> SequenceTable:
    """Return the rows, those of strand 1 as their reverse complements."""
    if not strands.any():
        return block
    pairs = zip(block.sequences, strands, strict=True)
    return replace(block, sequences=[reverse_complement(s) if turn else s for s, turn in pairs])


class StreamSampler(DistributedSampler[Rows]):
    """A random order of an epoch that is computed a few thousand rows at a time.

    Like `EpochSampler` it depends on the seed and the epoch only, and all processes draw the same
    order. Rows of like length go into one batch within some thousands of rows; batches are shuffled
    there, not through the whole epoch.

    Args:
        dataset: The rows.
        seed: Decides the order.
        batch_size: Rows a batch.
        together: Batches sorted by length at a time, see `bucket`.
        reverse_probability: Of reading a row on the other strand, drawn for each place of the
            epoch.
    """

    def __init__(
        self,
        dataset: StreamDataset,
        seed: int,
        batch_size: int,
        together: int,
        reverse_probability: float = 0.0,
    ) -> None:
        mixed = int(np.random.SeedSequence(seed).generate_state(1)[0])
        super().__init__(dataset, num_replicas=1, rank=0, shuffle=True, seed=mixed)
        self._rows = dataset
        self._batch_size = batch_size
        self._together = together
        self._reverse_probability = reverse_probability

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows of the epoch."""
        mixed, count = self.seed + self.epoch, len(self._rows)
        order = Permutation(count, mixed)
        strands = np.random.default_rng((mixed, STRANDS))
        pool = self._batch_size * self._together
        step = pool * -(-_PLACES_AT_ONCE // pool)
        for first in range(0, count, step):
            places = np.arange(first, min(first + step, count))
            rows = order(places)
            if self._reverse_probability:
                turned = strands.random(len(places)) < self._reverse_probability
                rows = rows + count * turned
            lengths = self._rows.longest_windows(rows)
            sorted_by_length = bucket(
                np.arange(len(rows)), lengths, self._batch_size, self._together, mixed + first
            )
            yield from rows[sorted_by_length].tolist()

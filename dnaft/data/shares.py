"""The parts of a batch, and of a split, that each of several processes reads."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, Sampler

from dnaft.errors import InputError


class TrainShares(BatchSampler):
    """Every batch of an epoch parted among the processes: together they read what one would.

    Process r of n takes every n-th row of each batch, from row r on. A last batch of fewer rows
    than processes is read whole by all of them, which leaves the average over them what it is.

    Args:
        sampler: The rows of an epoch, the same in all processes.
        batch_size: Rows a batch of all processes together.
        processes: How many there are.
        rank: Which of them this is.

    Raises:
        InputError: If a batch has fewer rows than there are processes.
    """

    def __init__(self, sampler: Sampler[Any], batch_size: int, processes: int, rank: int) -> None:
        if batch_size < processes:
            raise InputError(
                f"data.batch_size: {batch_size} rows cannot be parted among {processes} processes; "
                "it counts the rows of all of them together, so raise it or lower trainer.devices"
            )
        super().__init__(sampler, batch_size, drop_last=False)
        self._processes = processes
        self._rank = rank

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the rows of this process, batch by batch."""
        for batch in super().__iter__():
            whole = len(batch) < self._processes
            yield batch if whole else batch[self._rank :: self._processes]


class EvalShares(BatchSampler):
    """Every n-th batch of a split in a fixed order: each row counts in one process.

    The batches are those of a single process, unless there are fewer than processes; then they are
    smaller. All processes have as many: of parted weights each needs the others for every batch.
    Who would have one less reads a row once more at the end, which `own` does not count.

    Attributes:
        own: How many of the batches count, the first ones.

    Args:
        split: Name of the split.
        order: Its rows, as they are read.
        batch_size: Rows a batch.
        processes: How many there are.
        rank: Which of them this is.

    Raises:
        InputError: If there are fewer rows than processes.
    """

    def __init__(
        self, split: str, order: NDArray[np.int64], batch_size: int, processes: int, rank: int
    ) -> None:
        rows = len(order)
        if rows < processes:
            raise InputError(
                f"trainer.devices: {split} has {rows} rows, too few for {processes} processes; "
                "lower it"
            )
        if rows <= batch_size * (processes - 1):
            batch_size = rows // processes
        super().__init__(range(rows), batch_size, drop_last=False)
        self._mine = range(rank * batch_size, rows, processes * batch_size)
        self.own = len(self._mine)
        self._most = len(range(0, rows, processes * batch_size))
        self._order = order

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the rows of this process, batch by batch."""
        for first in self._mine:
            yield self._order[first : first + self.batch_size].tolist()
        for _ in range(self._most - self.own):
            yield self._order[:1].tolist()

    def __len__(self) -> int:
        return self._most


def own_batches(loader: Any) -> float:
    """Return how many of the batches of a loader count in this process, the first ones."""
    sampler = getattr(loader, "batch_sampler", None)
    return sampler.own if isinstance(sampler, EvalShares) else math.inf

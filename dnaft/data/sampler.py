"""Which rows an epoch of training reads, in an order that depends on seed and epoch only."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DistributedSampler

from dnaft.data.buckets import bucket
from dnaft.data.loader import Rows, TokenDataset

# What random numbers of an epoch are for; each purpose has a stream of its own.
_ROWS, STRANDS, _SHIFTS = 1, 2, 3


class EpochSampler(DistributedSampler[Rows]):
    """A random order that depends on the seed and the epoch only, by batches of like length.

    As a subclass of DistributedSampler it is told each epoch by Lightning (`set_epoch`) and is
    not replaced by it when there are several processes. All processes draw the same whole epoch;
    `dnaft.data.shares` parts its batches.

    Args:
        dataset: The rows.
        seed: Decides the order.
        batch_size: Rows a batch.
        together: Batches sorted by length at a time, see `bucket`.
        classes: The class of each row, (rows,), for epochs with equally many rows of each, see
            `draw_balanced`; None reads every row once.
        reverse_probability: Of reading a row on the other strand, drawn for each place of the
            epoch; the index is then `shifts * rows` higher, see `TokenDataset`.
        shifts: In how many places a row can be read, drawn alike for each place of the epoch; the
            index is then up to `(shifts - 1) * rows` higher.
    """

    def __init__(
        self,
        dataset: TokenDataset,
        seed: int,
        batch_size: int,
        together: int,
        classes: NDArray[np.int64] | None = None,
        reverse_probability: float = 0.0,
        shifts: int = 1,
    ) -> None:
        # The base class adds the epoch to its seed; hashed, epoch 1 of seed 1 is not epoch 0 of 2.
        mixed = int(np.random.SeedSequence(seed).generate_state(1)[0])
        super().__init__(dataset, num_replicas=1, rank=0, shuffle=True, seed=mixed)
        self._lengths = dataset.longest_windows()
        self._batch_size = batch_size
        self._together = together
        self._rows = len(dataset)
        self._classes = classes
        self._reverse_probability = reverse_probability
        self._shifts = shifts

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows of the epoch."""
        mixed = self.seed + self.epoch
        order = self._order(mixed)
        if self._reverse_probability:
            drawn = np.random.default_rng((mixed, STRANDS)).random(self._rows)
            order = order + self._shifts * self._rows * (drawn < self._reverse_probability)
        if self._shifts > 1:
            chance = np.random.default_rng((mixed, _SHIFTS))
            order = order + self._rows * chance.integers(self._shifts, size=self._rows)
        yield from bucket(order, self._lengths, self._batch_size, self._together, mixed).tolist()

    def _order(self, mixed: int) -> NDArray[np.int64]:
        if self._classes is None:
            return np.fromiter(super().__iter__(), np.int64)
        return draw_balanced(self._classes, self._rows, np.random.default_rng((mixed, _ROWS)))


def draw_balanced(
    classes: NDArray[np.int64], count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw rows with replacement, equally many of each class.

    Where `count` is no multiple of the classes, some of them, chosen at random, have one row more.

    Args:
        classes: The class of each row, (rows,); each class occurs.
        count: How many rows to draw.
        generator: Decides.

    Returns:
        Rows in random order, (count,).
    """
    present = np.unique(classes)
    wanted = np.full(len(present), count // len(present))
    wanted[generator.permutation(len(present))[: count % len(present)]] += 1
    drawn = [
        generator.choice(np.flatnonzero(classes == c), size)
        for c, size in zip(present, wanted, strict=True)
    ]
    return generator.permutation(np.concatenate(drawn))


def draws_per_row(classes: NDArray[np.int64]) -> dict[str, float]:
    """Return how often `draw_balanced` reads a row of each class in an epoch, on average."""
    present, counts = np.unique(classes, return_counts=True)
    shares = len(classes) / (len(present) * counts)
    return {str(c): float(share) for c, share in zip(present, shares, strict=True)}

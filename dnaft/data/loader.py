"""Batches: padded rows, an order that depends on seed and epoch only, and a place to resume."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from dnaft.batch import Batch
from dnaft.data.tokens import TokenRows
from dnaft.errors import InputError

Row = tuple[Tensor, Tensor]


class TokenDataset(Dataset[Row]):
    """Rows of token ids with their labels."""

    def __init__(self, tokens: TokenRows, labels: Tensor) -> None:
        self._tokens = tokens
        self._labels = labels

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, row: int) -> Row:
        ids = torch.from_numpy(self._tokens[row].astype(np.int64))
        return ids, self._labels[row]


class Collate:
    """Pads rows on the right to the longest of the batch."""

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, rows: Sequence[Row]) -> Batch:
        """Return ids and mask (batch, tokens), and labels."""
        width = max(len(ids) for ids, _ in rows)
        input_ids = torch.full((len(rows), width), self.pad_id, dtype=torch.int64)
        attention_mask = torch.zeros((len(rows), width), dtype=torch.int64)
        for i, (ids, _) in enumerate(rows):
            input_ids[i, : len(ids)] = ids
            attention_mask[i, : len(ids)] = 1
        return Batch(input_ids, attention_mask, torch.stack([label for _, label in rows]))


class EpochSampler(DistributedSampler[Row]):
    """A random order that depends on the seed and the epoch only.

    As a subclass of DistributedSampler it is told each epoch by Lightning (`set_epoch`) and is
    not replaced by it when there are several processes.
    """

    def __init__(self, dataset: Dataset[Row], seed: int, num_replicas: int, rank: int) -> None:
        # The base class adds the epoch to its seed; hashed, epoch 1 of seed 1 is not epoch 0 of 2.
        mixed = int(np.random.SeedSequence(seed).generate_state(1)[0])
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, shuffle=True, seed=mixed)


class ResumableLoader(DataLoader[Row]):
    """A loader whose place within an epoch goes into the checkpoint.

    Lightning saves `state_dict` of a training loader and restores it before the first batch, so a
    run resumed in the middle of an epoch goes on with the batch that would have come next.
    """

    _given = 0  # batches handed out in this epoch
    _resume_at = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yield the batches of an epoch, those before the restored place left out."""
        self._given, self._resume_at = self._resume_at, 0
        for batch in islice(super().__iter__(), self._given, None):
            self._given += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Return how far the epoch is."""
        return {"batches": self._given % max(len(self), 1), "batches_an_epoch": len(self)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there in the next epoch begun.

        Raises:
            InputError: If the checkpoint counts other batches than this loader has.
        """
        if state["batches_an_epoch"] != len(self):
            raise InputError(
                f"data: the checkpoint was written with {state['batches_an_epoch']} batches an "
                f"epoch, now there are {len(self)}; resume with the same data, data.batch_size "
                "and number of devices"
            )
        self._resume_at = state["batches"]

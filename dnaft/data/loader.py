"""Batches: padded rows, and a place to resume."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from dnaft.batch import Batch
from dnaft.data.states import StateRows
from dnaft.data.tokens import TokenRows, join
from dnaft.errors import InputError


class Rows(NamedTuple):
    """Labelled examples, as a batch is made of them.

    Attributes:
        tokens: Their token ids; None where a vector a row takes their place.
        labels: What `Batch.labels` holds, a line a row.
        states: What the frozen part of the model makes of them, if that was computed: one vector a
            row, (rows, width), or those of each window, (places, width).
    """

    tokens: TokenRows | None
    labels: Tensor
    states: Tensor | list[Tensor] | None = None


class TokenDataset(Dataset[Rows]):
    """Rows of token ids with their labels.

    Its length is the number of rows. Index `v * rows + i` is view v of row i.

    Args:
        tokens: The rows as given, view 0.
        labels: One line a row.
        others: Further views of the same rows: their reverse complements, shifted windows.
        states: What the frozen part of the model makes of each view, if that was computed.
    """

    def __init__(
        self,
        tokens: TokenRows,
        labels: Tensor,
        *others: TokenRows,
        states: Sequence[StateRows] = (),
    ) -> None:
        self._views = [tokens, *others]
        self._labels = labels
        self._states = states

    def __len__(self) -> int:
        return len(self._views[0])

    def longest_windows(self) -> NDArray[np.int64]:
        """Return the tokens of the longest window of each row of each view, (views * rows,)."""
        return np.concatenate([tokens.longest_windows() for tokens in self._views])

    def __getitem__(self, index: int) -> Rows:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Rows:
        """Return several rows, which is how loaders ask for a batch."""
        views, rows = np.divmod(np.asarray(indices, np.int64), len(self))
        labels = self._labels[torch.from_numpy(rows)]
        present = np.unique(views).tolist()
        if self._states and self._states[0].pooled:
            vectors = torch.empty(len(rows), self._states[0].width)
            for v in present:
                vectors[torch.from_numpy(views == v)] = self._states[v].rows(rows[views == v])
            return Rows(None, labels, vectors)
        tokens = join([self._views[v].take(rows[views == v]) for v in present])
        if len(present) > 1:
            # They lie view by view; back to the order that was asked for.
            tokens = tokens.take(np.argsort(np.argsort(views, kind="stable")))
        if not self._states:
            return Rows(tokens, labels)
        states = [
            self._states[v].window(window)
            for v, row in zip(views.tolist(), rows.tolist(), strict=True)
            for window in self._views[v].window_numbers(row)
        ]
        return Rows(tokens, labels, states)


class RowSet(Protocol):
    """Rows on one strand or both, by the indices of `TokenDataset`."""

    def __len__(self) -> int: ...

    def __getitems__(self, indices: Sequence[int]) -> Rows:
        """Return several rows, which is how loaders ask for a batch."""
        ...


class BothStrands(Dataset[Rows]):
    """Each row as given, and on the other strand.

    Args:
        rows: A data set whose views are the two strands.
    """

    def __init__(self, rows: RowSet) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Rows:
        return self.__getitems__([row])

    def __getitems__(self, rows: Sequence[int]) -> Rows:
        """Return several rows as given, and then all of them on the other strand."""
        return self._rows.__getitems__([*rows, *(len(self) + row for row in rows)])


class Collate:
    """Pads windows on the right to the longest of the batch."""

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, rows: Rows) -> Batch:
        """Return the batch; windows of a row lie one below the other."""
        if isinstance(rows.states, Tensor):
            nothing = torch.empty(len(rows.states), 0, dtype=torch.int64)
            return Batch(nothing, nothing, rows.labels, states=rows.states)
        tokens = rows.tokens
        assert tokens is not None
        lengths = np.diff(tokens.offsets)
        there = np.arange(lengths.max()) < lengths[:, None]
        batch = Batch(
            _padded(tokens.ids, there, self.pad_id),
            torch.from_numpy(there.astype(np.int64)),
            rows.labels,
        )
        if tokens.type_ids is not None:
            batch = batch._replace(token_type_ids=_padded(tokens.type_ids, there, 0))
        if len(lengths) > len(tokens):
            batch = batch._replace(windows=torch.from_numpy(tokens.windows()))
        if rows.states:
            batch = batch._replace(states=pad_sequence(rows.states, batch_first=True))
        return batch


class CollateStrands(Collate):
    """Pads rows that come on both strands."""

    def __call__(self, rows: Rows) -> Batch:
        """Return the batch; all rows as given lie above all rows of the other strand."""
        batch = super().__call__(rows)
        return batch._replace(labels=batch.labels[: len(rows.labels) // 2], strands=2)


def _padded(ids: NDArray[np.unsignedinteger], there: NDArray[np.bool_], value: int) -> Tensor:
    if there.all():  # rows of one length, as most data sets have them
        return torch.from_numpy(ids.reshape(there.shape).astype(np.int64))
    padded = np.full(there.shape, value, np.int64)
    padded[there] = ids
    return torch.from_numpy(padded)


class ResumableLoader(DataLoader[Rows]):
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

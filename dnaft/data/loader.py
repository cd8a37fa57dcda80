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
from dnaft.data.tokens import TokenRows
from dnaft.errors import InputError


class Row(NamedTuple):
    """One labelled example.

    Attributes:
        windows: Token ids, int64, (tokens,), of each of its windows, mostly one.
        token_type_ids: For pairs: int64, (tokens,).
        label: What `Batch.labels` holds for a row.
        states: What `Batch.states` holds for a row: one vector, and then there are no windows; or
            those of each window, (places, width).
    """

    windows: list[Tensor]
    token_type_ids: Tensor | None
    label: Tensor
    states: Tensor | list[Tensor] | None = None


class TokenDataset(Dataset[Row]):
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

    def __getitem__(self, index: int) -> Row:
        view, row = divmod(index, len(self))
        tokens = self._views[view]
        if self._states and self._states[view].pooled:
            return Row([], None, self._labels[row], self._states[view].rows([row])[0])
        windows = [torch.from_numpy(ids.astype(np.int64)) for ids in tokens[row]]
        types = tokens.types(row)
        return Row(
            windows,
            None if types is None else torch.from_numpy(types.astype(np.int64)),
            self._labels[row],
            [self._states[view].window(w) for w in tokens.window_numbers(row)]
            if self._states
            else None,
        )

    def __getitems__(self, indices: Sequence[int]) -> list[Row]:
        """Return several rows."""
        return [self[index] for index in indices]


class RowSet(Protocol):
    """Rows on one strand or both, by the indices of `TokenDataset`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Row: ...

    def __getitems__(self, indices: Sequence[int]) -> list[Row]:
        """Return several rows, which is how loaders ask for a batch."""
        ...


class BothStrands(Dataset[tuple[Row, Row]]):
    """Each row as given, and on the other strand.

    Args:
        rows: A data set whose views are the two strands.
    """

    def __init__(self, rows: RowSet) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> tuple[Row, Row]:
        return self._rows[row], self._rows[len(self) + row]

    def __getitems__(self, rows: Sequence[int]) -> list[tuple[Row, Row]]:
        """Return several rows on both strands."""
        others = [len(self) + row for row in rows]
        given, turned = self._rows.__getitems__(rows), self._rows.__getitems__(others)
        return list(zip(given, turned, strict=True))


class Collate:
    """Pads windows on the right to the longest of the batch."""

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, rows: Sequence[Row]) -> Batch:
        """Return the batch; windows of a row lie one below the other."""
        labels = torch.stack([row.label for row in rows])
        vectors = [row.states for row in rows if isinstance(row.states, Tensor)]
        if vectors:
            nothing = torch.empty(len(rows), 0, dtype=torch.int64)
            return Batch(nothing, nothing, labels, states=torch.stack(vectors))
        windows = [ids for row in rows for ids in row.windows]
        shape = (len(windows), max(map(len, windows)))
        input_ids = _padded(windows, shape, self.pad_id)
        lengths = torch.tensor([len(ids) for ids in windows])
        attention_mask = (torch.arange(shape[1]) < lengths.unsqueeze(1)).long()
        batch = Batch(input_ids, attention_mask, labels)
        if rows[0].token_type_ids is not None:
            types = [row.token_type_ids for row in rows if row.token_type_ids is not None]
            batch = batch._replace(token_type_ids=_padded(types, shape, 0))
        if len(windows) > len(rows):
            batch = batch._replace(windows=torch.tensor([len(row.windows) for row in rows]))
        states = [window for row in rows for window in row.states or ()]
        if states:
            batch = batch._replace(states=pad_sequence(states, batch_first=True))
        return batch


class CollateStrands(Collate):
    """Pads rows that come on both strands."""

    def __call__(self, rows: Sequence[tuple[Row, Row]]) -> Batch:  # type: ignore[override]
        """Return the batch; all rows as given lie above all rows of the other strand."""
        batch = super().__call__([row[strand] for strand in (0, 1) for row in rows])
        return batch._replace(labels=batch.labels[: len(rows)], strands=2)


def _padded(lines: Sequence[Tensor], shape: tuple[int, int], value: int) -> Tensor:
    padded = torch.full(shape, value, dtype=torch.int64)
    for i, line in enumerate(lines):
        padded[i, : len(line)] = line
    return padded


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

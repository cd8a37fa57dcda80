"""Token ids of many sequences in two arrays."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoded:
    """Token ids of n sequences, one after the other.

    Row i is `ids[offsets[i]:offsets[i + 1]]`; nothing is padded and nothing is cut.

    Attributes:
        ids: All token ids, int32, (tokens,).
        offsets: Where each row begins, and the end of the last one, int64, (n + 1,).
        type_ids: For pairs: 0 at the tokens of the first sequence, 1 at those of the second, as
            the tokenizer has it, uint8, (tokens,). None for single sequences.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    type_ids: NDArray[np.uint8] | None = None

    @classmethod
    def from_rows(cls, rows: Iterable[Iterable[int]]) -> Self:
        """Join one list of ids per sequence."""
        arrays = [np.asarray(row, dtype=np.int32) for row in rows]
        offsets = offsets_of(np.array([len(a) for a in arrays], dtype=np.int64))
        return cls(np.concatenate([np.empty(0, np.int32), *arrays]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)} encoded sequences")
        row %= len(self)
        return self.ids[self.offsets[row] : self.offsets[row + 1]]

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        return (self[row] for row in range(len(self)))

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each row, (n,)."""
        return np.diff(self.offsets)


def offsets_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where rows of these lengths begin, and where the last one ends, (n + 1,)."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def write_framed(
    out: NDArray[np.int32],
    ids: NDArray[np.generic],
    lengths: NDArray[np.int64],
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> None:
    """Write rows of ids into `out`, each between the same special tokens.

    Args:
        out: Filled completely, (sum of lengths + rows * specials,).
        ids: The rows without specials, (sum of lengths,), or (rows, length) if all are equal.
        lengths: Tokens of each row without specials, (rows,).
        before: Special tokens in front of each row.
        after: Special tokens at the end of each row.
    """
    rows = len(lengths)
    if rows == 0:
        return
    specials = len(before) + len(after)
    if (lengths == lengths[0]).all():  # one strided copy
        table = out.reshape(rows, -1)
        table[:, len(before) : table.shape[1] - len(after)] = ids.reshape(rows, -1)
        table[:, : len(before)] = before
        table[:, table.shape[1] - len(after) :] = after
        return
    starts = offsets_of(lengths + specials)
    is_token = np.ones(len(out), dtype=bool)
    for where, special in _special_places(starts, before, after):
        out[where] = special
        is_token[where] = False
    out[is_token] = ids


def _special_places(
    starts: NDArray[np.int64], before: tuple[int, ...], after: tuple[int, ...]
) -> Iterable[tuple[NDArray[np.int64], int]]:
    for i, special in enumerate(before):
        yield starts[:-1] + i, special
    for i, special in enumerate(reversed(after), start=1):
        yield starts[1:] - i, special


def framed(
    ids: NDArray[np.generic],
    lengths: NDArray[np.int64],
    before: tuple[int, ...] = (),
    after: tuple[int, ...] = (),
) -> Encoded:
    """Put special tokens around rows of ids; arguments as in `write_framed`."""
    offsets = offsets_of(lengths + len(before) + len(after))
    out = np.empty(offsets[-1], dtype=np.int32)
    write_framed(out, ids, lengths, before, after)
    return Encoded(out, offsets)


def side_by_side(first: Encoded, second: Encoded) -> Encoded:
    """Put row i of `second` behind row i of `first`, of token type 1 instead of 0.

    Raises:
        ValueError: If one has more rows than the other.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} first and {len(second)} second sequences make no pairs")
    halves = np.stack([first.lengths(), second.lengths()], axis=1)
    type_ids = np.repeat(np.tile(np.array([0, 1], np.uint8), len(halves)), halves.ravel())
    ids = np.empty(len(type_ids), dtype=np.int32)
    ids[type_ids == 0] = first.ids
    ids[type_ids == 1] = second.ids
    return Encoded(ids, offsets_of(halves.sum(axis=1)), type_ids)

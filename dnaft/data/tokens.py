"""A split as token ids, within the length that a model takes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnaft.data.cache import Arrays, cached_arrays, content_key
from dnaft.data.encoding import encode_pairs, encode_sequences
from dnaft.data.readable import check_readable
from dnaft.data.table import SequenceTable
from dnaft.errors import InputError
from dnaft.tokenizers.base import PairTokenizer, Tokenizer
from dnaft.tokenizers.encoded import offsets_of


@dataclass(frozen=True, eq=False)
class TokenRows:
    """Token ids of the rows of a split, all read-only.

    Row i has the windows `first_window[i]` to `first_window[i + 1] - 1`, mostly one; window w is
    `ids[offsets[w]:offsets[w + 1]]`.

    Attributes:
        ids: Smallest unsigned integers that hold the vocabulary, (tokens,).
        offsets: int64, (windows + 1,).
        first_window: int64, (rows + 1,).
        kept_bp: Bases of each row that its tokens stand for, int64, (rows,).
        type_ids: Token types of pairs, uint8, (tokens,); None for single sequences.
    """

    ids: NDArray[np.unsignedinteger]
    offsets: NDArray[np.int64]
    first_window: NDArray[np.int64]
    kept_bp: NDArray[np.int64]
    type_ids: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.kept_bp)

    def __getitem__(self, row: int) -> list[NDArray[np.unsignedinteger]]:
        """Return the ids of each window of a row."""
        bounds = self._bounds(row)
        return [self.ids[begin:end] for begin, end in pairwise(bounds)]

    def window_numbers(self, row: int) -> range:
        """Return which windows are those of a row."""
        return range(int(self.first_window[row]), int(self.first_window[row + 1]))

    def take(self, rows: NDArray[np.int64]) -> "TokenRows":
        """Return some rows, in that order.

        Args:
            rows: Their numbers, (rows,); one may stand there more than once.
        """
        windows, first_window = _spread(self.first_window, rows)
        places, offsets = _spread(self.offsets, windows)
        return TokenRows(
            self.ids[places],
            offsets,
            first_window,
            self.kept_bp[rows],
            None if self.type_ids is None else self.type_ids[places],
        )

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each row, all its windows together, (rows,)."""
        return np.diff(self.offsets[self.first_window])

    def longest_windows(self) -> NDArray[np.int64]:
        """Return the number of tokens of the longest window of each row, (rows,)."""
        longest: NDArray[np.int64] = np.maximum.reduceat(
            np.diff(self.offsets), self.first_window[:-1]
        )
        return longest

    def windows(self) -> NDArray[np.int64]:
        """Return the number of windows of each row, (rows,)."""
        return np.diff(self.first_window)

    def fingerprint(self) -> str:
        """Return the sha256, in hex, of what a model is given of these rows."""
        digest = hashlib.sha256()
        for array in (self.ids, self.offsets, self.first_window, self.type_ids):
            if array is None:
                digest.update(b"\nnone")
                continue
            digest.update(f"\n{array.dtype} {array.shape}\n".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def _bounds(self, row: int) -> list[int]:
        bounds = self.offsets[self.first_window[row] : self.first_window[row + 1] + 1]
        return [int(bound) for bound in bounds]


def _spread(
    offsets: NDArray[np.int64], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of some pieces one after another, and the offsets that they have then.

    Args:
        offsets: Piece i has the places `offsets[i]` to `offsets[i + 1] - 1`.
        chosen: Numbers of pieces.
    """
    begins = offsets[chosen]
    lengths = offsets[chosen + 1] - begins
    found = offsets_of(lengths)
    return np.repeat(begins - found[:-1], lengths) + np.arange(found[-1]), found


def join(parts: Sequence[TokenRows]) -> TokenRows:
    """Return the rows of all parts, of which there is at least one, one below the other."""
    if len(parts) == 1:
        return parts[0]
    types = [part.type_ids for part in parts if part.type_ids is not None]
    return TokenRows(
        np.concatenate([part.ids for part in parts]),
        offsets_of(np.concatenate([np.diff(part.offsets) for part in parts])),
        offsets_of(np.concatenate([part.windows() for part in parts])),
        np.concatenate([part.kept_bp for part in parts]),
        np.concatenate(types) if types else None,
    )


def tokenise(
    table: SequenceTable,
    tokenizer: Tokenizer,
    max_tokens: int | None,
    cache_dir: str | Path,
    window_overlap: float | None = None,
) -> TokenRows:
    """Encode a split, or read what an earlier run encoded.

    A row over `max_tokens` is cut at its 3' end to as many bases as fit, or parted into windows.
    Prefix, suffix and special tokens stay whole, in each window. Of a pair the longer sequence is
    cut first, see `fit_pairs`.

    Args:
        table: The split.
        tokenizer: Encodes the sequences.
        max_tokens: The most a row, or a window, may have; none if the model has no limit.
        cache_dir: Where encoded splits are kept.
        window_overlap: Share of a window that the next one reads again; None cuts.

    Raises:
        InputError: If a sequence is too short for a token, no base fits into `max_tokens`, the
            tokenizer encodes no pairs, pairs would be parted, the tokenizer does not read what the
            task keeps (see `check_readable`), or the cache cannot be written.
    """
    check_rows(table, tokenizer)
    if table.sequences_b is not None:
        if window_overlap is not None:
            raise InputError(
                f"{table.where}: the rows are pairs, and a pair is read as a whole, never in "
                "windows; set data.long_input=cut or error"
            )
        _check_pairs(tokenizer)
    columns = table.columns()
    sequences = [sequence for column in columns for sequence in column]
    parts = [tokenizer.fingerprint(), max_tokens, mode(window_overlap), len(columns)]
    if table.species is not None:
        parts.append(json.dumps(table.species))
    key = content_key(sequences, *parts)

    def encode() -> Arrays:
        if table.sequences_b is not None:
            return encode_pairs(table, tokenizer, max_tokens)
        return encode_sequences(table, tokenizer, max_tokens, window_overlap)

    arrays = cached_arrays(cache_dir, key, encode)
    # Plain views: a memmap takes several times as long to slice, once a row in every epoch.
    return TokenRows(**{name: np.asarray(array) for name, array in arrays.items()})


def mode(window_overlap: float | None) -> str:
    """Return what becomes of long rows, as keys of the cache say it."""
    return "cut" if window_overlap is None else f"windows {window_overlap}"


def check_rows(table: SequenceTable, tokenizer: Tokenizer) -> None:
    """Refuse rows that a tokenizer cannot encode, before anything is encoded.

    Raises:
        InputError: If a sequence is too short for a token, or the tokenizer does not read what the
            task keeps, see `check_readable`.
    """
    check_shortest(table, tokenizer)
    check_readable(table, tokenizer)


def check_shortest(table: SequenceTable, tokenizer: Tokenizer) -> None:
    """Refuse sequences that give no token.

    Raises:
        InputError: If one is shorter than the tokenizer needs.
    """
    shortest = tokenizer.min_length_bp
    for what, sequences in zip(("sequence", "second sequence"), table.columns(), strict=False):
        for row, sequence in enumerate(sequences):
            if len(sequence) < shortest:
                raise InputError(
                    f"{table.place(row)}: the {what} has {len(sequence)} bp, the tokenizer needs "
                    f"{shortest} for one token; remove the row or choose another tokenizer"
                )


def _check_pairs(tokenizer: Tokenizer) -> None:
    if not isinstance(tokenizer, PairTokenizer):
        raise InputError(
            f"tokenizer: {type(tokenizer).__name__} encodes one sequence a row, and the task has "
            "two (task.source.sequence_b_column); use tokenizer=kmer or a byte-pair tokenizer, "
            "with a model that fits"
        )
    try:
        tokenizer.encode_pairs([], [])
    except ValueError as error:
        raise InputError(f"tokenizer: {error}") from error

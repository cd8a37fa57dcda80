"""A split as token ids, cut to the length a model takes, with an account of what was cut."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnaft.data.cache import Arrays, cached_arrays, content_key
from dnaft.data.table import SequenceTable
from dnaft.errors import InputError
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.encoded import Encoded


@dataclass(frozen=True, eq=False)
class TokenRows:
    """Token ids of the rows of a split.

    Row i is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes:
        ids: Smallest unsigned integers that hold the vocabulary, (tokens,), read-only.
        offsets: int64, (rows + 1,).
        kept_bp: Bases of each row that its tokens stand for, int64, (rows,).
    """

    ids: NDArray[np.unsignedinteger]
    offsets: NDArray[np.int64]
    kept_bp: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kept_bp)

    def __getitem__(self, row: int) -> NDArray[np.unsignedinteger]:
        return self.ids[self.offsets[row] : self.offsets[row + 1]]

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each row, (rows,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Truncation:
    """What the limit on tokens costs a split.

    Attributes:
        sequences: Rows that lose bases.
        rows: All rows.
        lost_bp: Bases lost in all.
        most_lost_bp: Bases the worst row loses.
        total_bp: Bases of all rows.
    """

    sequences: int
    rows: int
    lost_bp: int
    most_lost_bp: int
    total_bp: int


def tokenise(
    table: SequenceTable, tokenizer: Tokenizer, max_tokens: int | None, cache_dir: str | Path
) -> TokenRows:
    """Encode a split, or read what an earlier run encoded.

    A row over `max_tokens` is cut at its 3' end to as many bases as fit; prefix, suffix and
    special tokens stay whole.

    Args:
        table: The split.
        tokenizer: Encodes the sequences.
        max_tokens: The most a row may have; none if the model has no limit.
        cache_dir: Where encoded splits are kept.

    Raises:
        InputError: If a sequence is too short for a token, no base fits into `max_tokens`, or
            the cache cannot be written.
    """
    shortest = tokenizer.min_length_bp
    for row, sequence in enumerate(table.sequences):
        if len(sequence) < shortest:
            raise InputError(
                f"{table.place(row)}: the sequence has {len(sequence)} bp, the tokenizer needs "
                f"{shortest} for one token; remove the row or choose another tokenizer"
            )
    key = content_key(table.sequences, tokenizer.fingerprint(), max_tokens)
    arrays = cached_arrays(cache_dir, key, lambda: _encode(table, tokenizer, max_tokens))
    return TokenRows(**arrays)


def count_truncation(table: SequenceTable, tokens: TokenRows) -> Truncation:
    """Count the bases that `tokenise` cut off."""
    lengths = np.fromiter(map(len, table.sequences), np.int64, len(table))
    lost = lengths - tokens.kept_bp
    return Truncation(
        sequences=int((lost > 0).sum()),
        rows=len(table),
        lost_bp=int(lost.sum()),
        most_lost_bp=int(lost.max()),
        total_bp=int(lengths.sum()),
    )


def describe_truncation(found: dict[str, Truncation], max_tokens: int | None) -> str:
    """Say in one sentence what is lost; empty if nothing is."""
    parts = [
        f"{split} {t.sequences:,} of {t.rows:,} sequences lose {t.lost_bp:,} bp "
        f"(at most {t.most_lost_bp:,} bp each)"
        for split, t in found.items()
        if t.sequences
    ]
    return f"over the limit of {max_tokens} tokens: " + "; ".join(parts) if parts else ""


def _encode(table: SequenceTable, tokenizer: Tokenizer, max_tokens: int | None) -> Arrays:
    sequences = list(table.sequences)
    encoded = tokenizer.encode(sequences)
    kept_bp = np.fromiter(map(len, sequences), np.int64, len(sequences))
    if max_tokens is not None:
        too_long = np.flatnonzero(encoded.lengths() > max_tokens)
        for row in too_long:
            fits = tokenizer.longest_prefix(sequences[row], max_tokens)
            if fits < tokenizer.min_length_bp:
                raise InputError(
                    f"{table.place(int(row))}: no base fits into {max_tokens} tokens beside the "
                    "prefix, the suffix and the special tokens; shorten method.prefix and "
                    "method.suffix, or use a model that takes more tokens"
                )
            sequences[row], kept_bp[row] = sequences[row][:fits], fits
        if len(too_long):
            encoded = tokenizer.encode(sequences)
            longest = int(encoded.lengths().max())
            if longest > max_tokens:
                raise RuntimeError(
                    f"{type(tokenizer).__name__}.longest_prefix promised {max_tokens} tokens, "
                    f"encode gave {longest}"
                )
    return {"ids": _smallest(encoded, tokenizer), "offsets": encoded.offsets, "kept_bp": kept_bp}


def _smallest(encoded: Encoded, tokenizer: Tokenizer) -> NDArray[np.generic]:
    top = int(encoded.ids.max(initial=0))
    if top >= tokenizer.vocab_size or encoded.ids.min(initial=0) < 0:
        raise RuntimeError(
            f"{type(tokenizer).__name__} gave an id outside 0..{tokenizer.vocab_size - 1}"
        )
    return encoded.ids.astype(np.min_scalar_type(tokenizer.vocab_size - 1))

"""A table as arrays of token ids: what does not fit a model is cut, or parted into windows."""

import numpy as np
from numpy.typing import NDArray

from dnaft.data.cache import Arrays
from dnaft.data.pairs import fit_pairs
from dnaft.data.table import SequenceTable
from dnaft.data.truncation import no_room
from dnaft.data.windows import window_spans
from dnaft.tokenizers.base import PairTokenizer, SpeciesTokenizer, Tokenizer
from dnaft.tokenizers.encoded import Encoded, offsets_of


def encode_sequences(
    table: SequenceTable, tokenizer: Tokenizer, max_tokens: int | None, overlap: float | None
) -> Arrays:
    """Encode single sequences; those over `max_tokens` are cut, or parted into windows.

    Args:
        table: The split.
        tokenizer: Encodes the sequences.
        max_tokens: The most a row, or a window, may have; none if there is no limit.
        overlap: Share of a window that the next one reads again; None cuts.

    Returns:
        The fields of `dnaft.data.tokens.TokenRows`.

    Raises:
        InputError: If of a row no base fits.
    """
    sequences = table.sequences
    encoded = tokenizer.encode(sequences)
    windows = np.ones(len(sequences), dtype=np.int64)
    kept_bp = table.lengths_bp()
    too_long = _too_long(encoded, max_tokens)
    if max_tokens is not None and len(too_long):
        pieces = [[sequence] for sequence in sequences]
        for row in too_long:
            spans = _spans(table, int(row), tokenizer, max_tokens, overlap)
            pieces[row] = [sequences[row][begin:end] for begin, end in spans]
            windows[row], kept_bp[row] = len(spans), spans[-1][1]
        encoded = tokenizer.encode([piece for of_row in pieces for piece in of_row])
        _check_fit(encoded, tokenizer, max_tokens)
    return _arrays(_with_species(table, tokenizer, encoded, windows), tokenizer, windows, kept_bp)


def _spans(
    table: SequenceTable, row: int, tokenizer: Tokenizer, max_tokens: int, overlap: float | None
) -> list[tuple[int, int]]:
    """Return which bases of a row that does not fit are encoded."""
    sequence, place = table.sequences[row], table.place(row)
    if overlap is not None:
        return window_spans(sequence, tokenizer, max_tokens, overlap, place)
    fits = tokenizer.longest_prefix(sequence, max_tokens)
    if fits < tokenizer.min_length_bp:
        raise no_room(place, max_tokens)
    return [(0, fits)]


def encode_pairs(table: SequenceTable, tokenizer: Tokenizer, max_tokens: int | None) -> Arrays:
    """Encode pairs; those over `max_tokens` are cut, see `fit_pairs`.

    Args:
        table: The split, with second sequences.
        tokenizer: A `PairTokenizer`.
        max_tokens: The most tokens of a pair; none if there is no limit.

    Returns:
        The fields of `dnaft.data.tokens.TokenRows`.

    Raises:
        InputError: If of a pair not one token of each sequence fits.
    """
    assert isinstance(tokenizer, PairTokenizer)
    first, second = (list(column) for column in table.columns())
    encoded = tokenizer.encode_pairs(first, second)
    too_long = _too_long(encoded, max_tokens)
    kept_bp = table.lengths_bp()
    if max_tokens is not None and len(too_long):
        kept = fit_pairs(
            [first[row] for row in too_long],
            [second[row] for row in too_long],
            tokenizer,
            max_tokens,
            tokenizer.min_length_bp,
        )
        for row, (of_first, of_second) in zip(too_long, kept, strict=True):
            if of_first < 0:
                raise no_room(table.place(int(row)), max_tokens)
            first[row], second[row] = first[row][:of_first], second[row][:of_second]
        kept_bp[too_long] = kept.sum(axis=1)
        encoded = tokenizer.encode_pairs(first, second)
        _check_fit(encoded, tokenizer, max_tokens)
    windows = np.ones(len(first), dtype=np.int64)
    return _arrays(_with_species(table, tokenizer, encoded, windows), tokenizer, windows, kept_bp)


def _with_species(
    table: SequenceTable, tokenizer: Tokenizer, encoded: Encoded, windows: NDArray[np.int64]
) -> Encoded:
    """Return the rows with the token of each one's species, in all its windows, if they say it."""
    if table.species is None:
        return encoded
    assert isinstance(tokenizer, SpeciesTokenizer)  # by tokenise
    names = zip(table.species, windows.tolist(), strict=True)
    return tokenizer.with_species(encoded, [name for name, count in names for _ in range(count)])


def _too_long(encoded: Encoded, max_tokens: int | None) -> NDArray[np.int64]:
    if max_tokens is None:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(encoded.lengths() > max_tokens)


def _check_fit(encoded: Encoded, tokenizer: Tokenizer, max_tokens: int) -> None:
    longest = int(encoded.lengths().max())
    if longest > max_tokens:
        raise RuntimeError(
            f"{type(tokenizer).__name__} promised rows of {max_tokens} tokens, and gave {longest}"
        )


def _arrays(
    encoded: Encoded,
    tokenizer: Tokenizer,
    windows: NDArray[np.int64],
    kept_bp: NDArray[np.int64],
) -> Arrays:
    arrays: Arrays = {
        "ids": _smallest(encoded, tokenizer),
        "offsets": encoded.offsets,
        "first_window": offsets_of(windows),
        "kept_bp": kept_bp,
    }
    if encoded.type_ids is not None:
        arrays["type_ids"] = encoded.type_ids
    return arrays


def _smallest(encoded: Encoded, tokenizer: Tokenizer) -> NDArray[np.generic]:
    top = int(encoded.ids.max(initial=0))
    if top >= tokenizer.vocab_size or encoded.ids.min(initial=0) < 0:
        raise RuntimeError(
            f"{type(tokenizer).__name__} gave an id outside 0..{tokenizer.vocab_size - 1}"
        )
    return encoded.ids.astype(np.min_scalar_type(tokenizer.vocab_size - 1))

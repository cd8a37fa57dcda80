"""Sequences longer than a model takes, read in overlapping windows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnaft.data.truncation import no_room
from dnaft.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class Windowed:
    """Which rows of a split are read in windows.

    Attributes:
        sequences: Rows of two windows or more.
        rows: All rows.
        windows: Windows of those sequences.
        most_windows: Windows of the longest row.
    """

    sequences: int
    rows: int
    windows: int
    most_windows: int


def window_spans(
    sequence: str, tokenizer: Tokenizer, max_tokens: int, overlap_fraction: float, place: str
) -> list[tuple[int, int]]:
    """Part a sequence into windows that fit, each with specials, prefix and suffix of its own.

    Every window holds as many bases as fit, and begins `overlap_fraction` of them, rounded, before
    the end of the one in front of it. The last window ends with the sequence and is no shorter
    than the one in front of it, so never a tiny rest; it may overlap more. (With tokens of varying
    length as many bases may not fit; it then holds as many as bisection finds to fit.) Together
    the windows cover every base.

    Args:
        sequence: Bases.
        tokenizer: Says how many leading bases fit.
        max_tokens: The most tokens of a window.
        overlap_fraction: At least 0, below 1.
        place: Where the sequence comes from, for messages.

    Returns:
        Begin and end of each window, in order; one window if the whole sequence fits.

    Raises:
        InputError: If no base fits into a window.
    """
    spans: list[tuple[int, int]] = []
    begin, width = 0, max_tokens
    while True:
        length = _fitting(sequence, begin, tokenizer, max_tokens, 3 * width)
        if begin + length == len(sequence):
            break
        if length < tokenizer.min_length_bp:
            raise no_room(place, max_tokens)
        spans.append((begin, begin + length))
        begin, width = begin + max(1, length - round(overlap_fraction * length)), length
    if spans:
        begin = _last_begin(sequence, len(sequence) - width, begin, tokenizer, max_tokens)
    return [*spans, (begin, len(sequence))]


def _fitting(sequence: str, begin: int, tokenizer: Tokenizer, max_tokens: int, reach: int) -> int:
    """Return how many bases from `begin` on fit.

    Looks at `reach` bases, at more if need be, and not at all that follow: a row of many windows
    would take time with the square of its length. A prefix can have more tokens than a longer one
    (5 single bases, one 6-mer), so what lies well beyond the answer is looked at, too.
    """
    while True:
        piece = sequence[begin : begin + reach]
        length = tokenizer.longest_prefix(piece, max_tokens)
        if 2 * length <= len(piece) or begin + len(piece) == len(sequence):
            return length
        reach *= 2


def _last_begin(
    sequence: str, wanted: int, latest: int, tokenizer: Tokenizer, max_tokens: int
) -> int:
    """Return where the last window begins: at `wanted` if the rest fits, else later.

    From `latest` on the rest fits; in between a place is found by bisection.
    """
    if wanted >= latest:
        return latest
    if _is_whole(sequence[wanted:], tokenizer, max_tokens):
        return wanted
    fits, too_long = latest, wanted
    while fits - too_long > 1:
        middle = (fits + too_long) // 2
        if _is_whole(sequence[middle:], tokenizer, max_tokens):
            fits = middle
        else:
            too_long = middle
    return fits


def _is_whole(piece: str, tokenizer: Tokenizer, max_tokens: int) -> bool:
    return tokenizer.longest_prefix(piece, max_tokens) == len(piece)


def count_windows(windows: NDArray[np.int64]) -> Windowed:
    """Count what `window_spans` did to a split.

    Args:
        windows: Windows of each row, (rows,).
    """
    several = windows[windows > 1]
    return Windowed(
        sequences=len(several),
        rows=len(windows),
        windows=int(several.sum()),
        most_windows=int(windows.max()),
    )


def describe_windows(found: dict[str, Windowed], max_tokens: int | None) -> str:
    """Say in one sentence what is read in windows; empty if nothing is."""
    parts = [
        f"{split} {w.sequences:,} of {w.rows:,} sequences are read in {w.windows:,} windows "
        f"(at most {w.most_windows:,} each)"
        for split, w in found.items()
        if w.sequences
    ]
    return f"over the limit of {max_tokens} tokens: " + "; ".join(parts) if parts else ""

"""Where to hide tokens of a row: spans that lie anywhere and never overlap."""

import math

import numpy as np
from numpy.typing import NDArray

# Geometric lengths are cut here, in multiples of their mean.
_LONGEST = 5


def draw_spans(
    tokens: int,
    fraction: float,
    mean_span: float,
    overlap: int,
    places: NDArray[np.float64],
    lengths: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return begin and end (excluded) of spans that cover about `fraction` of a row.

    There are `fraction * tokens / (mean_span + overlap)` spans, rounded up or down so that this is
    their mean, at least one; every arrangement of them is equally likely. Spans may touch.

    Args:
        tokens: Tokens of the row, at least 1.
        fraction: Share of them to cover.
        mean_span: Mean of the geometric length of a span before `overlap` is added.
        overlap: Tokens added to each span: k - 1 for overlapping k-mers. A base in k tokens is
            hidden only if all k are, so a span of k tokens hides one base, one of k + 1 two.
        places: Uniform numbers for the arrangement, (tokens,).
        lengths: Uniform numbers for the lengths, and the last one for the rounding, (tokens,).

    Returns:
        Begins, ascending, and ends, both (spans,).
    """
    count = max(1, math.floor(fraction * tokens / (mean_span + overlap) + lengths[-1]))
    sizes = _geometric(lengths[:count], mean_span) + overlap
    # A row too short for all of them gets fewer, and at least one of what there is room for.
    sizes = sizes[: max(1, int(np.searchsorted(np.cumsum(sizes), tokens, side="right")))]
    sizes = np.minimum(sizes, tokens)
    # Take the spans out, choose among the slots that are left, and put the spans back in.
    slots = tokens - int(sizes.sum()) + len(sizes)
    chosen = np.sort(np.argsort(places[:slots], kind="stable")[: len(sizes)])
    before = np.cumsum(sizes - 1) - (sizes - 1)
    begins = chosen + before
    return begins, begins + sizes


def _geometric(uniform: NDArray[np.float64], mean: float) -> NDArray[np.int64]:
    """Return whole numbers from 1 up, geometric with this mean, cut at `_LONGEST` times it."""
    if mean == 1:
        return np.ones(len(uniform), dtype=np.int64)
    drawn = np.log1p(-uniform) / np.log1p(-1 / mean)
    lengths: NDArray[np.int64] = 1 + drawn.astype(np.int64)
    return lengths.clip(max=math.ceil(_LONGEST * mean))

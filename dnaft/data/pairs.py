"""Pairs of sequences that do not fit a model together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnaft.tokenizers.base import PairTokenizer


def fit_pairs(
    first: Sequence[str],
    second: Sequence[str],
    tokenizer: PairTokenizer,
    max_tokens: int,
    least_bp: int,
) -> NDArray[np.int64]:
    """Return how many leading bases of both sequences of each pair fit together.

    The longer sequence is cut at its 3' end until the two are equally long, then both are cut
    alike; a base for which there is still room goes to the longer one, to the second of equals.
    For k-mers that is transformers' `longest_first`. The place is found by bisection over all
    pairs at once.

    Args:
        first: The first sequence of each pair, none shorter than `least_bp`.
        second: The second sequence of each pair, none shorter than `least_bp`.
        tokenizer: Encodes the pairs.
        max_tokens: The most tokens of a pair, which all of these exceed.
        least_bp: Bases that each sequence must keep.

    Returns:
        (pairs, 2); -1 where not even `least_bp` of each fit.
    """
    lengths = np.array([[len(a), len(b)] for a, b in zip(first, second, strict=True)])

    def fits(kept: NDArray[np.int64]) -> NDArray[np.bool_]:
        cut_first = [a[:n] for a, n in zip(first, kept[:, 0], strict=True)]
        cut_second = [b[:n] for b, n in zip(second, kept[:, 1], strict=True)]
        return tokenizer.encode_pairs(cut_first, cut_second).lengths() <= max_tokens

    def capped(most: NDArray[np.int64]) -> NDArray[np.int64]:
        cut: NDArray[np.int64] = np.minimum(lengths, most[:, None])
        return cut

    most = np.full(len(lengths), least_bp)  # fits
    nothing = ~fits(capped(most))
    too_long = np.where(nothing, least_bp, lengths.max(axis=1))
    while (too_long - most > 1).any():
        middle = (most + too_long) // 2
        fitting = fits(capped(middle))
        most = np.where(fitting, middle, most)
        too_long = np.where(fitting, too_long, middle)
    kept = capped(most)
    one_more = kept.copy()
    longer = np.where(lengths[:, 0] > lengths[:, 1], 0, 1)
    one_more[np.arange(len(kept)), longer] += 1
    one_more = np.minimum(one_more, lengths)
    kept = np.where(fits(one_more)[:, None], one_more, kept)
    kept[nothing] = -1
    return kept

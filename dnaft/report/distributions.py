"""Tails of distributions, from scipy.special alone: scipy.stats takes a second to import."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

Numbers = NDArray[np.float64]

_SPAN = 9.0  # beyond so many standard deviations nothing is left of a normal distribution
_PLACES = 2001
_HALVINGS = 60


def student_p(t: float, freedom: int) -> float:
    """Return the two-sided p of Student's t."""
    return 2 * float(special.stdtr(freedom, -abs(t)))


def student_quantile(share: float, freedom: int) -> float:
    """Return the t under which a share of Student's distribution lies."""
    return float(special.stdtrit(freedom, share))


def chi_square_p(value: float, freedom: int) -> float:
    """Return the share of the chi-square distribution above a value."""
    return float(special.chdtrc(freedom, value))


def signed_rank_p(gains: Sequence[float]) -> float:
    """Return the exact two-sided p of Wilcoxon's signed-rank test.

    Zeros are left out, equal sizes share their mean rank; all signs of the ranks are alike
    probable. nan if all are zero.
    """
    found = np.array([gain for gain in gains if gain])
    if not len(found):
        return math.nan
    ranks = mean_ranks_doubled(np.abs(found))
    # Share of the signs by the sum of the positive ranks, one rank after the other.
    shares: Numbers = np.zeros(int(ranks.sum()) + 1)
    shares[0] = 1
    for rank in ranks:
        shares[rank:] += shares[:-rank].copy()
        shares /= 2
    up = int(ranks[found > 0].sum())
    return min(1.0, 2 * min(float(shares[: up + 1].sum()), float(shares[up:].sum())))


def mean_ranks_doubled(values: Numbers) -> NDArray[np.int64]:
    """Return twice the rank of each value, from 1 for the lowest; equal ones share their mean.

    >>> mean_ranks_doubled(np.array([0.5, 0.1, 0.5])).tolist()
    [5, 2, 5]
    """
    below = (values[:, None] > values[None, :]).sum(axis=1)
    upto = (values[:, None] >= values[None, :]).sum(axis=1)
    ranks: NDArray[np.int64] = below + upto + 1
    return ranks


def studentised_range(share: float, count: int) -> float:
    """Return the range of so many normal values, of known variance, that a share stays under.

    The probability of a range up to q is k ∫ φ(z) (Φ(z) - Φ(z - q))^(k - 1) dz.
    """
    z = np.linspace(-_SPAN, _SPAN, _PLACES)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    below = special.ndtr(z)
    low, high = 0.0, 2 * _SPAN
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        within = count * density * (below - special.ndtr(z - middle)) ** (count - 1)
        if float(within.sum()) * (z[1] - z[0]) < share:
            low = middle
        else:
            high = middle
    return low

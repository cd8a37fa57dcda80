"""Mean, spread and a bootstrap interval over seeds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
_LEVEL = 0.95


@dataclass(frozen=True)
class Summary:
    """Scores of one configuration over its seeds.

    Attributes:
        count: Seeds.
        mean: Their mean.
        deviation: Standard deviation with n - 1; nan of one seed.
        low: Lower end of the 95% percentile bootstrap interval of the mean; nan of one seed.
        high: Its upper end.
    """

    count: int
    mean: float
    deviation: float
    low: float
    high: float


def summarise(values: Sequence[float]) -> Summary:
    """Return mean and spread; everything but the count is nan if a value is.

    The interval draws seeds with repetition, 10,000 times, always the same draws. Of few seeds
    such an interval is too narrow: of three it is their range, which misses the true mean of a
    symmetric distribution one time in four.

    Args:
        values: The score of each seed, one or more.
    """
    count = len(values)
    if any(map(math.isnan, values)):
        return Summary(count, math.nan, math.nan, math.nan, math.nan)
    mean = statistics.fmean(values)
    if count == 1:
        return Summary(1, mean, math.nan, math.nan, math.nan)
    means = np.asarray(values, dtype=np.float64)[_draws(count)].mean(axis=1)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Summary(count, mean, statistics.stdev(values), float(low), float(high))


@cache
def _draws(count: int) -> NDArray[np.int64]:
    """Return which seeds each draw takes, (draws, seeds)."""
    return np.random.default_rng(0).integers(0, count, (DRAWS, count))

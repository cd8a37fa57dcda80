"""Methods compared over tasks: paired tests, and ranks with a critical difference."""

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

Scores = Mapping[str, Mapping[str, float]]

_LEVEL = 0.05
_LEAST_TASKS = 2
_LEAST_METHODS = 3


@dataclass(frozen=True)
class Comparison:
    """Two methods over the tasks that both have.

    Attributes:
        first: One method.
        second: The other.
        tasks: How many tasks.
        difference: Mean of the score of the first minus that of the second.
        low: Lower end of its 95% interval, by Student's t.
        high: Its upper end.
        effect: Cohen's d of the differences: their mean over their standard deviation.
        p_t: Two-sided p of the paired t test.
        p_wilcoxon: Two-sided p of Wilcoxon's signed-rank test.
        holm_t: `p_t` corrected by Holm for all comparisons made together.
        holm_wilcoxon: `p_wilcoxon` likewise.
    """

    first: str
    second: str
    tasks: int
    difference: float
    low: float
    high: float
    effect: float
    p_t: float
    p_wilcoxon: float
    holm_t: float
    holm_wilcoxon: float


@dataclass(frozen=True)
class Ranking:
    """Mean ranks of methods over tasks, 1 the best, by Friedman and Nemenyi (Demšar 2006).

    Attributes:
        ranks: Mean rank of each method, the best first.
        tasks: The tasks that all of them have.
        statistic: Friedman's chi-square, corrected for ties.
        p: Its p.
        critical: Two mean ranks that lie this far apart differ at 5%.
        cliques: Methods that do not differ, the first and last place of each longest run of them.
    """

    ranks: Mapping[str, float]
    tasks: tuple[str, ...]
    statistic: float
    p: float
    critical: float
    cliques: tuple[tuple[int, int], ...]


def compare(scores: Scores, references: Collection[str] = ()) -> list[Comparison]:
    """Return every two methods that share two tasks or more, corrected together.

    Args:
        scores: By method and task, the mean over seeds; nan where there is none.
        references: Methods that are compared with the others but not with each other.
    """
    found = []
    for first, second in combinations(scores, 2):
        if first in references and second in references:
            continue
        pairs = [
            (scores[first][task], scores[second][task])
            for task in scores[first]
            if task in scores[second] and not math.isnan(scores[first][task] + scores[second][task])
        ]
        if len(pairs) >= _LEAST_TASKS:
            found.append((first, second, *_test(pairs)))
    holm_t, holm_w = (holm([float(one[at]) for one in found]) for at in (-2, -1))
    return [Comparison(*one, t, w) for one, t, w in zip(found, holm_t, holm_w, strict=True)]


def _test(
    pairs: Sequence[tuple[float, float]],
) -> tuple[int, float, float, float, float, float, float]:
    from scipy import stats  # takes half a second, which a report of one task need not wait for

    gains = [a - b for a, b in pairs]
    count, mean, deviation = len(gains), statistics.fmean(gains), statistics.stdev(gains)
    if deviation < 1e-12:  # all differences equal: no spread to measure them by
        return count, mean, math.nan, math.nan, math.nan, math.nan, math.nan
    half = float(stats.t.ppf(1 - _LEVEL / 2, count - 1)) * deviation / math.sqrt(count)
    p_t = float(stats.ttest_1samp(gains, 0).pvalue)
    # Differences of scores that print alike are ties; floating point must not tell them apart.
    p_w = float(stats.wilcoxon(np.round(gains, 12)).pvalue)
    return count, mean, mean - half, mean + half, mean / deviation, p_t, p_w


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down corrected p-values; nan ones stay and do not count.

    >>> [round(p, 4) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted((p, at) for at, p in enumerate(p_values) if not math.isnan(p))
    corrected, highest = [math.nan] * len(p_values), 0.0
    for place, (p, at) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - place)))
        corrected[at] = highest
    return corrected


def rank(scores: Scores) -> Ranking | None:
    """Return mean ranks over tasks; None unless three methods share two tasks.

    Methods that lack tasks of the others are left out such that as many scores as possible count.

    Args:
        scores: By method and task, the mean over seeds; nan where there is none.
    """
    there = {
        method: {task for task, value in of_task.items() if not math.isnan(value)}
        for method, of_task in scores.items()
    }
    fullest = sorted(there, key=lambda method: -len(there[method]))
    choices = []
    for count in range(_LEAST_METHODS, len(fullest) + 1):
        shared = set.intersection(*(there[method] for method in fullest[:count]))
        if len(shared) >= _LEAST_TASKS:
            choices.append((count * len(shared), count, sorted(shared)))
    if not choices:
        return None
    _, count, tasks = max(choices)
    return _rank({method: scores[method] for method in fullest[:count]}, tasks)


def _rank(scores: Scores, tasks: list[str]) -> Ranking:
    from scipy import stats

    methods = list(scores)
    table = np.round([[scores[method][task] for task in tasks] for method in methods], 12)
    ranks = stats.rankdata(-table, axis=0)
    if (ranks == ranks[0]).all():
        statistic, p = 0.0, 1.0  # all methods alike everywhere
    else:
        result = stats.friedmanchisquare(*table)
        statistic, p = float(result.statistic), float(result.pvalue)
    means = dict(sorted(zip(methods, ranks.mean(axis=1).tolist(), strict=True), key=_second))
    critical = critical_difference(len(methods), len(tasks))
    ordered = list(means.values())
    return Ranking(means, tuple(tasks), statistic, p, critical, _cliques(ordered, critical))


def _second(pair: tuple[str, float]) -> float:
    return pair[1]


def critical_difference(methods: int, tasks: int) -> float:
    """Return Nemenyi's critical difference of mean ranks at 5%.

    q sqrt(k (k + 1) / (6 N)) for k methods over N tasks, q the studentised range over sqrt(2)
    (Demšar 2006, section 3.2.2).
    """
    from scipy import stats

    range_ = float(stats.studentized_range.ppf(1 - _LEVEL, methods, math.inf))
    return range_ / math.sqrt(2) * math.sqrt(methods * (methods + 1) / (6 * tasks))


def _cliques(ranks: Sequence[float], critical: float) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, low in enumerate(ranks):
        end = max(at for at, high in enumerate(ranks) if high - low < critical)
        if end > start and (not found or end > found[-1][1]):
            found.append((start, end))
    return tuple(found)

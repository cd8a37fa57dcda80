"""Methods compared over tasks or seeds: paired tests, and ranks with a critical difference."""

import math
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dnaft.report.distributions import (
    Numbers,
    chi_square_p,
    mean_ranks_doubled,
    signed_rank_p,
    student_p,
    student_quantile,
    studentised_range,
)

Scores = Mapping[str, Mapping[str, float]]

_LEVEL = 0.05
_LEAST_TASKS = 2
_LEAST_METHODS = 3


@dataclass(frozen=True)
class Comparison:
    """Two methods over the tasks, or the seeds, that both have.

    Attributes:
        first: One method.
        second: The other.
        pairs: How many tasks or seeds.
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
    pairs: int
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


def compare(
    scores: Scores, references: Collection[str] = (), least: int = _LEAST_TASKS
) -> list[Comparison]:
    """Return every two methods that share enough tasks or seeds, corrected together.

    Args:
        scores: By method, then by task or seed; nan where there is none.
        references: Methods that are compared with the others but not with each other.
        least: Tasks or seeds that two methods must share.
    """
    found = []
    for first, second in combinations(scores, 2):
        if first in references and second in references:
            continue
        pairs = [
            (score, scores[second][key])
            for key, score in scores[first].items()
            if key in scores[second] and not math.isnan(score + scores[second][key])
        ]
        if len(pairs) >= least:
            found.append((first, second, *_test(pairs)))
    holm_t, holm_w = (holm([float(one[at]) for one in found]) for at in (-2, -1))
    return [Comparison(*one, t, w) for one, t, w in zip(found, holm_t, holm_w, strict=True)]


def _test(
    pairs: Sequence[tuple[float, float]],
) -> tuple[int, float, float, float, float, float, float]:
    gains = [a - b for a, b in pairs]
    count, mean, deviation = len(gains), statistics.fmean(gains), statistics.stdev(gains)
    if deviation < 1e-12:  # all differences equal: no spread to measure them by
        return count, mean, math.nan, math.nan, math.nan, math.nan, math.nan
    error = deviation / math.sqrt(count)
    half = student_quantile(1 - _LEVEL / 2, count - 1) * error
    p_t = student_p(mean / error, count - 1)
    # Differences of scores that print alike are ties; floating point must not tell them apart.
    p_w = signed_rank_p([round(gain, 12) for gain in gains])
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
    methods = list(scores)
    table = np.round([[scores[method][task] for method in methods] for task in tasks], 12)
    ranks = np.array([mean_ranks_doubled(-row) / 2 for row in table])
    statistic, p = _friedman(ranks)
    means = dict(sorted(zip(methods, ranks.mean(axis=0).tolist(), strict=True), key=_second))
    critical = critical_difference(len(methods), len(tasks))
    ordered = list(means.values())
    return Ranking(means, tuple(tasks), statistic, p, critical, _cliques(ordered, critical))


def _friedman(ranks: Numbers) -> tuple[float, float]:
    """Return Friedman's chi-square with its correction for ties, and its p, of (tasks, methods)."""
    tasks, methods = ranks.shape
    spread = float(((ranks.mean(axis=0) - (methods + 1) / 2) ** 2).sum())
    # Of ranks without ties this is (methods^3 - methods) / 12.
    variation = float(((ranks - (methods + 1) / 2) ** 2).sum()) / tasks
    if variation == 0:
        return 0.0, 1.0  # all methods alike everywhere
    statistic = tasks * (methods - 1) * spread / variation
    return statistic, chi_square_p(statistic, methods - 1)


def _second(pair: tuple[str, float]) -> float:
    return pair[1]


def critical_difference(methods: int, tasks: int) -> float:
    """Return Nemenyi's critical difference of mean ranks at 5%.

    q sqrt(k (k + 1) / (6 N)) for k methods over N tasks, q the studentised range over sqrt(2)
    (Demšar 2006, section 3.2.2).
    """
    range_ = studentised_range(1 - _LEVEL, methods)
    return range_ / math.sqrt(2) * math.sqrt(methods * (methods + 1) / (6 * tasks))


def _cliques(ranks: Sequence[float], critical: float) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, low in enumerate(ranks):
        end = max(at for at, high in enumerate(ranks) if high - low < critical)
        if end > start and (not found or end > found[-1][1]):
            found.append((start, end))
    return tuple(found)

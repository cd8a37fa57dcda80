"""Runs that differ in their seed only, and the choice among the others, by dev alone."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dnaft.report.intervals import Summary, summarise
from dnaft.report.marks import CODE, ONE_SEED, REPEATED
from dnaft.report.runs import Run, finite
from dnaft.report.settings import Value, show


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one configuration, by seed.

    Attributes:
        runs: All of them, one or more.
    """

    runs: tuple[Run, ...]

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.runs[0].task

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.runs[0].model

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.runs[0].method

    @property
    def metric(self) -> str:
        """Name of the score that chose the checkpoints."""
        return self.runs[0].metric

    @property
    def settings(self) -> Mapping[str, Value]:
        """What differs between the groups of a method."""
        return self.runs[0].settings

    @property
    def is_baseline(self) -> bool:
        """Whether it is a linear model of counts or bases."""
        return self.runs[0].is_baseline

    @property
    def name(self) -> str:
        """The settings in words."""
        return ", ".join(f"{key}={show(value)}" for key, value in self.settings.items())

    @cached_property
    def marks(self) -> frozenset[str]:
        """Warnings: those of any run, and those of the group."""
        marks = set[str]().union(*(run.marks for run in self.runs))
        seeds = {run.record.seed for run in self.runs}
        if len(seeds) == 1:
            marks.add(ONE_SEED)
        if len(seeds) < len(self.runs):
            marks.add(REPEATED)
        if len({run.record.code_version for run in self.runs}) > 1:
            marks.add(CODE)
        return frozenset(marks)

    def by_seed(self, split: str, metric: str | None = None) -> dict[int, float]:
        """Return the score of each seed, the mean where a seed was run more than once."""
        found: dict[int, list[float]] = {}
        for run in self.runs:
            found.setdefault(run.record.seed, []).append(run.score(split, metric))
        return {seed: statistics.fmean(values) for seed, values in sorted(found.items())}

    def summary(self, split: str, metric: str | None = None) -> Summary:
        """Return mean and spread over seeds; a seed without a score leaves it undefined."""
        return summarise(list(self.by_seed(split, metric).values()))

    @cached_property
    def dev(self) -> Summary:
        """Mean and spread of the dev score."""
        return self.summary("dev")

    @cached_property
    def test(self) -> Summary:
        """Mean and spread of the test score."""
        return self.summary("test")

    def value(self, part: str, key: str) -> float:
        """Return the mean over runs of a number of the record, nan if none has it."""
        values = finite([run.value(part, key) for run in self.runs])
        return statistics.fmean(values) if values else math.nan


Cell = tuple[str, str, str]


def group(runs: Iterable[Run]) -> list[Group]:
    """Return the runs by configuration, in the order of task, model and method."""
    found: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        settings = tuple(f"{key}={show(value)}" for key, value in run.settings.items())
        found.setdefault((run.task, run.model, run.method, *settings), []).append(run)
    return [Group(tuple(found[key])) for key in sorted(found)]


def choose(groups: Iterable[Group]) -> dict[Cell, Group]:
    """Return by task, model and method the group with the best mean dev score.

    Test scores play no part. Of equals that with more seeds is taken, then the first. Every score
    that may choose is the better the higher it is.
    """
    best: dict[Cell, Group] = {}
    for candidate in groups:
        cell = (candidate.task, candidate.model, candidate.method)
        if cell not in best or _merit(candidate) > _merit(best[cell]):
            best[cell] = candidate
    return best


def best_of(groups: Sequence[Group]) -> Group:
    """Return the group with the best mean dev score."""
    return max(groups, key=_merit)


def _merit(candidate: Group) -> tuple[float, int]:
    mean = candidate.dev.mean
    return (-math.inf if math.isnan(mean) else mean), candidate.dev.count

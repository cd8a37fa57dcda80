"""Runs that differ in their seed only."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dnaft.report.intervals import Summary, summarise
from dnaft.report.marks import CODE, EDGE, FEWER, ONE_SEED, REPEATED, Marked
from dnaft.report.runs import Run, finite
from dnaft.report.settings import Value, released_of, show

_SAME = 1e-12  # scores that are no further apart are equal


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one configuration, by seed.

    Attributes:
        runs: All of them, one or more.
        edges: Of a configuration that dev chose, the settings whose value is the lowest or the
            highest of those tried, and which of both.
        surpassed: Whether a configuration with fewer seeds has a better dev score.
    """

    runs: tuple[Run, ...]
    edges: Mapping[str, str] = field(default_factory=dict)
    surpassed: bool = False

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
        """Name of the method; one that test chose for has a name of its own."""
        return self.runs[0].method

    @property
    def metric(self) -> str:
        """Name of the score that is shown."""
        return self.runs[0].metric

    @property
    def chooser(self) -> str:
        """Name of the score that chose the checkpoints, and chooses settings."""
        return self.runs[0].chooser

    @property
    def own_method(self) -> str:
        """Name of the method, whoever chose."""
        return self.runs[0].record.method

    @property
    def settings(self) -> Mapping[str, Value]:
        """What differs between the groups of a method."""
        return self.runs[0].settings

    @property
    def lr(self) -> float:
        """The learning rate, nan without one."""
        return self.runs[0].lr

    @property
    def released(self) -> tuple[str, ...]:
        """What was done as a released program does it, and not as its paper says."""
        return released_of(self.runs[0].record.config)

    @property
    def on_test(self) -> bool:
        """Whether test chose the checkpoints."""
        return self.runs[0].on_test

    @property
    def is_baseline(self) -> bool:
        """Whether it is a linear model of counts or bases."""
        return self.runs[0].is_baseline

    @cached_property
    def deterministic(self) -> bool:
        """Whether seeds change nothing: linear models, unless the seed draws splits or weights."""
        if not self.runs[0].is_linear:
            return False
        scores = (self.by_seed(split, self.chooser).values() for split in ("dev", "test"))
        return all(max(of) - min(of) <= _SAME for of in scores)

    @property
    def name(self) -> str:
        """The settings in words."""
        return ", ".join(f"{key}={show(value)}" for key, value in self.settings.items())

    @cached_property
    def marks(self) -> frozenset[str]:
        """Warnings: those of any run, and those of the group."""
        marks = set[str]().union(*(run.marks for run in self.runs))
        if self.seeds == 1:
            marks.add(ONE_SEED)
        if self.seeds < len(self.runs):
            marks.add(REPEATED)
        if len({run.record.code_version for run in self.runs}) > 1:
            marks.add(CODE)
        if self.edges:
            marks.add(EDGE)
        if self.surpassed:
            marks.add(FEWER)
        return frozenset(marks)

    @property
    def label(self) -> Marked:
        """The method with its warnings."""
        return Marked(self.method, self.marks)

    def by_seed(self, split: str, metric: str | None = None) -> dict[int, float]:
        """Return the score of each seed, the mean where a seed was run more than once."""
        found: dict[int, list[float]] = {}
        for run in self.runs:
            found.setdefault(run.record.seed, []).append(run.score(split, metric))
        return {seed: statistics.fmean(values) for seed, values in sorted(found.items())}

    def summary(self, split: str, metric: str | None = None) -> Summary:
        """Return mean and spread over seeds; a seed without a score leaves it undefined.

        Of what seeds do not change one run counts.
        """
        values = list(self.by_seed(split, metric).values())
        return summarise(values[:1] if self.deterministic else values)

    def mean(self, split: str, metric: str | None = None) -> float:
        """Return the mean over seeds alone, which takes no draws."""
        return statistics.fmean(self.by_seed(split, metric).values())

    @cached_property
    def dev(self) -> Summary:
        """Mean and spread of the dev score that is shown."""
        return self.summary("dev")

    @cached_property
    def test(self) -> Summary:
        """Mean and spread of the test score that is shown."""
        return self.summary("test")

    @cached_property
    def seeds(self) -> float:
        """Return how many seeds the mean has; where they change nothing none is lacking."""
        return math.inf if self.deterministic else len({run.record.seed for run in self.runs})

    @cached_property
    def merit(self) -> float:
        """What dev chooses by: the mean dev score of the score that chooses."""
        mean = self.mean("dev", self.chooser)
        return -math.inf if math.isnan(mean) else mean

    def value(self, part: str, key: str) -> float:
        """Return the mean over runs of a number of the record, nan if none has it."""
        values = finite([run.value(part, key) for run in self.runs])
        return statistics.fmean(values) if values else math.nan


def group(runs: Iterable[Run]) -> list[Group]:
    """Return the runs by configuration, in the order of task, model and method."""
    found: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        settings = tuple(f"{key}={show(value)}" for key, value in run.settings.items())
        found.setdefault((run.task, run.model, run.method, *settings), []).append(run)
    return [Group(tuple(found[key])) for key in sorted(found)]


def marks_together(groups: Iterable[Group | None]) -> frozenset[str]:
    """Return the warnings of groups, those that are there."""
    return frozenset[str]().union(*(one.marks for one in groups if one is not None))

"""How long runs take to train, so that those of a sweep compare.

The seconds of a whole run do not: the first run of a sweep fills caches for all others, and runs
differ in how often they look at dev.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dnaft.report.groups import Group
from dnaft.report.marks import number
from dnaft.report.runs import Run, finite

TRAINING, WHOLE = "seconds of training", "seconds of the whole run"
NOTE = (
    "Seconds of training, the mean over runs: no start-up, no looks at dev, no scoring. Computing "
    "the states of frozen layers counts for every run that uses them, also for those that found "
    "them in the cache; runs of one pass share its seconds. Where a record lacks these times, the "
    "axis says that it is the whole run. Runs of different machines do not compare."
)


class RunTimes:
    """Seconds of configurations.

    Args:
        runs: All of the report: one may have computed what another found in the cache.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        self._reading: dict[tuple[object, ...], list[float]] = {}
        for run in runs:
            states = _frozen_states(run)
            if states and states.get("rows_read") == states.get("rows"):
                seconds = number(states.get("read_seconds"))
                self._reading.setdefault(_kept(run, states), []).append(seconds)

    def of(self, groups: Sequence[Group]) -> tuple[str, dict[Group, float]]:
        """Return one kind of seconds that all groups have, its name first.

        Args:
            groups: Configurations to compare; those without any time are left out.
        """
        whole = {one: one.value("timing", "seconds") for one in groups}
        whole = {one: seconds for one, seconds in whole.items() if seconds > 0}
        training = {one: _mean([self._training(run) for run in one.runs]) for one in whole}
        if all(seconds > 0 for seconds in training.values()):
            return TRAINING, training
        return WHOLE, whole

    def _training(self, run: Run) -> float:
        together = number(run.record.training.get("together"))
        own = run.value("timing", "train_seconds") / (together if together > 1 else 1)
        states = _frozen_states(run)
        if not states:
            return own
        taken = _mean(self._reading.get(_kept(run, states), ()))
        read = number(states.get("read_seconds")) if math.isnan(taken) else taken
        return own + (0.0 if math.isnan(read) else read)


def _frozen_states(run: Run) -> Mapping[str, Any]:
    states = run.record.training.get("frozen_states")
    return states if isinstance(states, Mapping) else {}


def _kept(run: Run, states: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what tells kept states from others."""
    return run.task, run.model, str(states.get("states")), str(states.get("rows"))


def _mean(values: Sequence[float]) -> float:
    known = finite(values)
    return statistics.fmean(known) if known else math.nan

"""What a sweep would take: runs, steps, hours, and what is missing for it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dnaft.errors import counted
from dnaft.record import aligned_table
from dnaft.sweeps.summary import duration

_HEAD = ("task", "model", "method", "batch", "runs", "steps", "a batch", "a run", "together")
_ASSUMED = """\
Estimated from {measured} steps of each kind of run, the median after warm-up, and from a batch of
dev, as if the runs followed each other on {device}. Not in it: reading and encoding data, fetching
and loading weights, waiting. Runs that stop early take less, and so do linear_probe and partial
where hidden states are kept (fast.frozen_states)."""


@dataclass(frozen=True)
class Pace:
    """How fast a kind of run is.

    Attributes:
        batch_seconds: Of a training batch, its share of the optimiser step included.
        scoring_seconds: Of a batch of dev or test.
        device: Where it was measured.
        steps: How many batches were measured.
    """

    batch_seconds: float
    scoring_seconds: float
    device: str
    steps: int


@dataclass(frozen=True)
class Cost:
    """What one run takes, as far as it can be told.

    Attributes:
        steps: Optimiser steps.
        batches: Training batches.
        scored_batches: Batches of dev and test, over all scorings.
        pace: None if it was not measured.
        missing: What the run lacks here, a message each.
        remarks: What to know of the estimate, or why there is none.
    """

    steps: int | None = None
    batches: int = 0
    scored_batches: int = 0
    pace: Pace | None = None
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Return the estimate; None without one."""
        if self.pace is None:
            return None
        scoring = self.scored_batches * self.pace.scoring_seconds
        return self.batches * self.pace.batch_seconds + scoring


# Tries a run out, given its resolved configuration.
Rehearse = Callable[[dict[str, Any]], Cost]


@dataclass(frozen=True)
class PlannedRun:
    """A run of the sweep, and what it takes.

    Attributes:
        label: What tells it from the others.
        names: Its task, model, method and batch size.
        cost: None if there is nothing to do for it.
        same_as: The run of the same configuration that is done in its place; else its result is
            there already.
    """

    label: str
    names: tuple[str, str, str, str]
    cost: Cost | None
    same_as: str = ""


@dataclass
class Plan:
    """All runs of a sweep that is not done but planned."""

    runs: list[PlannedRun] = field(default_factory=list)

    @property
    def lacks(self) -> bool:
        """Whether a run would fail for want of something."""
        return any(run.cost is not None and run.cost.missing for run in self.runs)

    def text(self) -> str:
        """Return what a user is told."""
        open_runs = [(run, run.cost) for run in self.runs if run.cost is not None]
        kept = [run for run in self.runs if not run.same_as]
        done = len(kept) - len(open_runs)
        parts = [counted(len(kept), "run") + (f", {done} of them done already" if done else "")]
        parts += _listed(
            "Left out",
            [(run.label, (f"the same as {run.same_as}",)) for run in self.runs if run.same_as],
        )
        if open_runs:
            parts += [_table(open_runs), *_total(open_runs)]
        alone = len(self.runs) == 1
        parts += _listed("Remarks", [(run.label, cost.remarks) for run, cost in open_runs], alone)
        parts += _listed(
            "Missing or wrong here", [(run.label, cost.missing) for run, cost in open_runs], alone
        )
        if open_runs and not self.lacks:
            parts.append("Nothing is missing here.")
        return "\n\n".join(parts)


def names_of(config: Mapping[str, Any], choices: Mapping[str, str]) -> tuple[str, str, str, str]:
    """Return what the table calls a run."""
    batch = str(config["data"]["batch_size"])
    return choices["task"], choices["model"], choices["method"], batch


def _listed(
    title: str, said: Iterable[tuple[str, tuple[str, ...]]], alone: bool = False
) -> list[str]:
    """Return a paragraph of messages, each once with the runs it is about; none for none.

    Args:
        title: What the messages are.
        said: The messages about each run, by its label.
        alone: Whether there is one run, which needs no naming.
    """
    runs: dict[str, list[str]] = defaultdict(list)
    for label, messages in said:
        for message in messages:
            runs[message].append(label)
    lines = [f"- {message}{'' if alone else _whose(of)}" for message, of in runs.items()]
    return ["\n".join([f"{title}:", *lines])] if lines else []


def _whose(labels: list[str]) -> str:
    first = labels[0]
    return f" [{first}]" if len(labels) == 1 else f" [{len(labels)} runs, such as {first}]"


def _table(runs: list[tuple[PlannedRun, Cost]]) -> str:
    lines: dict[tuple[Any, ...], list[Cost]] = defaultdict(list)
    for run, cost in runs:
        lines[(*run.names, cost.steps, cost.seconds)].append(cost)
    rows = []
    for (*names, steps, seconds), costs in lines.items():
        pace = costs[0].pace
        rows.append(
            [
                *names,
                f"{len(costs):,}",
                "-" if steps is None else f"{steps:,}",
                "-" if pace is None else f"{pace.batch_seconds:.3g} s",
                "-" if seconds is None else duration(seconds),
                "-" if seconds is None else duration(seconds * len(costs)),
            ]
        )
    return aligned_table(_HEAD, rows, [False] * 3 + [True] * 6)


def _total(runs: list[tuple[PlannedRun, Cost]]) -> list[str]:
    found = [(cost.pace, cost.seconds or 0.0) for _, cost in runs if cost.pace is not None]
    if not found:
        return ["No hours: no step was measured."]
    hours = sum(seconds for _, seconds in found) / 3600
    without = len(runs) - len(found)
    more = f"; {counted(without, 'run')} without an estimate" if without else ""
    (pace, _), *_ = found
    return [
        f"{counted(len(found), 'run')}: {hours:.2f} hours together{more}.",
        _ASSUMED.format(measured=pace.steps, device=pace.device),
    ]

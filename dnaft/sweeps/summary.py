"""How far a sweep is, and what it found."""

import math
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dnaft import record
from dnaft.errors import InputError
from dnaft.record import RunRecord
from dnaft.run_folder import RESULT
from dnaft.sweeps.work import Outcome

_LONGEST = 60


@dataclass
class Entry:
    """A run of the sweep.

    Attributes:
        label: What tells it from the others, such as `method=lora seed=1`.
        base: Folder of the first run of this name.
        outcome: Of this process, if it did the run.
        folder: The folder with the result.
        result: What it holds; None for a pretraining.
    """

    label: str
    base: Path
    outcome: Outcome | None = None
    folder: Path | None = None
    result: RunRecord | None = None

    def finish(self, folder: Path) -> None:
        """Note where the result is, and read it."""
        self.folder = folder
        try:
            self.result = record.read(folder / RESULT)
        except InputError:
            self.result = None  # a pretraining, or a record of another version


@dataclass
class Summary:
    """All runs of a sweep.

    Attributes:
        entries: The runs that are known.
        planned: Runs that a search will propose.
        started: Seconds since the epoch when the first of them could begin.
    """

    entries: list[Entry] = field(default_factory=list)
    planned: int = 0
    started: float = 0.0

    def add(self, entries: Iterable[Entry], left_out: int = 0) -> None:
        """Add runs that begin now, but for those that are already done.

        Args:
            entries: The runs.
            left_out: Proposals of a search beside these that are the same as one of them.
        """
        self.started = self.started or time.time()
        self.entries.extend(entries)
        self.planned -= min(self.planned, left_out)

    @property
    def total(self) -> int:
        """Return how many runs there will be."""
        return max(self.planned, len(self.entries))

    @property
    def done(self) -> list[Entry]:
        """Runs with a result."""
        return [entry for entry in self.entries if entry.folder is not None]

    @property
    def failed(self) -> list[Entry]:
        """Runs that failed."""
        return [e for e in self.entries if e.outcome is not None and e.outcome.status == "failed"]

    def seconds_left(self, ages: Sequence[float]) -> float | None:
        """Estimate the time that is left from the runs that were done here; None before the first.

        Start-up and composing are no part of it. Neither are runs that failed, perhaps at once, nor
        those that an earlier process had done in part.

        Args:
            ages: Seconds since the runs began that are not over yet.
        """
        took = [seconds for entry in self.entries if (seconds := _took(entry)) is not None]
        ended = [entry.outcome.seconds for entry in self.entries if entry.outcome is not None]
        known = sum(entry.outcome is not None or entry.folder is not None for entry in self.entries)
        left = self.total - known
        if not took or not left:
            return None
        mean = statistics.fmean(took)
        rest = mean * max(0, left - len(ages)) + sum(max(0.0, mean - age) for age in ages)
        # Several at once, on whatever machines: together they took more than went by.
        at_once = (sum(ended) + sum(ages)) / max(time.time() - self.started, 1e-9)
        return rest / min(max(at_once, 1.0), left)

    def table(self) -> str:
        """Return the results, the best on dev of each task last."""
        # A search may propose a run twice.
        by_folder = {e.folder: (e.result, e.label) for e in self.done if e.result}
        found = sorted(by_folder.values(), key=lambda run: _order(*run))
        names = [_name(result, label) for result, label in found]
        return record.table([result for result, _ in found], names) if found else ""


def score(entry: Entry) -> float | None:
    """Return the dev score of a run, None if it has none."""
    value = math.nan if entry.result is None else entry.result.main_score("dev")
    return None if math.isnan(value) else value


def scored(entry: Entry) -> str:
    """Return the dev score as people read it, such as `mcc 0.4512`; nothing if there is none."""
    value = score(entry)
    if value is None or entry.result is None:
        return ""
    return f"{entry.result.chosen['metric']} {value:.4f}"


def _took(entry: Entry) -> float | None:
    """Return how long a run took that was done here, and wholly; None for others."""
    if entry.outcome is None or entry.folder is None:
        return None
    if entry.result is None:
        return entry.outcome.seconds
    if entry.result.config.get("resume"):
        return None
    # Without the import of what trains, which the first run of a process waits for.
    return min(entry.outcome.seconds, float(entry.result.timing["seconds"]))


def _order(result: RunRecord, label: str) -> tuple[str, str, float, str]:
    value = result.main_score("dev")
    return (
        result.task,
        str(result.chosen["metric"]),
        -math.inf if math.isnan(value) else value,
        label,
    )


def _name(result: RunRecord, label: str) -> str:
    """Return what the other columns of the table do not say of a run."""
    own = [part for part in label.split() if not part.startswith(("task=", "model=", "method="))]
    name = " ".join(own) or f"seed={result.seed}"
    if len(name) > _LONGEST:  # the end of a key says what it is: inject.dropout, optimizer.lr
        name = " ".join(map(_shortened, own))
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _shortened(word: str) -> str:
    key, _, value = word.partition("=")
    return f"{key.rpartition('.')[2]}={value}"


def describe(entry: Entry) -> str:
    """Return one line: what the run is and what became of it."""
    if entry.outcome is not None and entry.outcome.status == "failed":
        return f"failed   {entry.label}: {entry.outcome.message}"
    if entry.folder is None:
        return f"stopped  {entry.label}: without a result; the same command goes on"
    found = scored(entry)
    return f"done     {entry.label}" + (f": dev {found}" if found else "")


def duration(seconds: float) -> str:
    """Return a time as people write it: 42 s, 3:20 min, 2:05 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"

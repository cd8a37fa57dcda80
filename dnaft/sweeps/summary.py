"""How far a sweep is, and what it found."""

import math
import time
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
        started: Seconds since the epoch.
    """

    entries: list[Entry] = field(default_factory=list)
    planned: int = 0
    started: float = field(default_factory=time.time)

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

    def best(self) -> Entry | None:
        """Return the run with the best dev score; None if the runs differ in task or metric."""
        scored = [(e, value) for e in self.done if (value := score(e)) is not None]
        kinds = {(e.result.task, e.result.chosen["metric"]) for e, _ in scored if e.result}
        return max(scored, key=lambda pair: pair[1])[0] if len(kinds) == 1 else None

    def seconds_left(self) -> float | None:
        """Estimate from the pace of the runs that were done here; None before the first."""
        here = sum(e.outcome is not None and e.outcome.status != "elsewhere" for e in self.entries)
        left = self.total - len(self.done) - len(self.failed)
        return (time.time() - self.started) / here * left if here else None

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
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def describe(entry: Entry) -> str:
    """Return one line: what the run is and what became of it."""
    if entry.outcome is not None and entry.outcome.status == "failed":
        return f"failed   {entry.label}: {entry.outcome.message}"
    if entry.folder is None:
        return f"stopped  {entry.label}: without a result; the same command goes on"
    value = score(entry)
    found = ""
    if value is not None and entry.result is not None:
        found = f": dev {entry.result.chosen['metric']} {value:.4f}"
    return f"done     {entry.label}{found}"


def duration(seconds: float) -> str:
    """Return a time as people write it: 42 s, 3:20 min, 2:05 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"

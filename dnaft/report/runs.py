"""Finding runs and reading their records."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dnaft.errors import InputError, near
from dnaft.record import RunRecord, read
from dnaft.report.marks import ON_TEST, number, of_record
from dnaft.report.settings import Value
from dnaft.report.variants import name_runs
from dnaft.run_folder import RESULT

_BESIDE_RUNS = {"checkpoints", "adapter", "model", "base", "wandb", "export", ".hydra"}
_NO_SCORES = {"n_labels_scored"}


@dataclass(frozen=True, eq=False)
class Run:
    """One finished run.

    Attributes:
        record: What it left behind.
        path: Its folder.
        name: Its folder below that of all runs.
        task: Name of the task, with what tells it from others of the name.
        model: Name of the model, likewise.
        metric: Name of the score that is shown.
        settings: What else differs between the runs of its method, by short name.
        marks: Letters of `dnaft.report.marks`.
    """

    record: RunRecord
    path: Path
    name: str
    task: str
    model: str
    metric: str
    settings: Mapping[str, Value]
    marks: frozenset[str] = field(default_factory=frozenset)

    @property
    def method(self) -> str:
        """Name of the method; one that test chose for has a name of its own."""
        return f"{self.record.method} (chosen on test)" if self.on_test else self.record.method

    @property
    def on_test(self) -> bool:
        """Whether test chose the checkpoint."""
        return ON_TEST in self.marks

    @property
    def chooser(self) -> str:
        """Name of the score that chose the checkpoint, and chooses settings."""
        return str(self.record.chosen["metric"])

    @property
    def lr(self) -> float:
        """The learning rate, nan without one."""
        method = self.record.config.get("method")
        optimizer = method.get("optimizer") if isinstance(method, Mapping) else None
        return number(optimizer.get("lr")) if isinstance(optimizer, Mapping) else math.nan

    @property
    def is_linear(self) -> bool:
        """Whether all that is fitted is linear: a baseline, or probes of a pretrained model."""
        model = self.record.config.get("model")
        pretrained = isinstance(model, Mapping) and model.get("source") is not None
        return self.is_baseline or (self.record.method == "layer_probe" and pretrained)

    @property
    def is_baseline(self) -> bool:
        """Whether it is a linear model of counts or bases."""
        method = self.record.config.get("method")
        return isinstance(method, Mapping) and method.get("baseline") is not None

    def score(self, split: str, metric: str | None = None) -> float:
        """Return a score, nan if there is none; by default that which is shown."""
        return number(self.record.scores[split].get(metric or self.metric))

    def value(self, part: str, key: str) -> float:
        """Return a number of another part of the record, nan if there is none."""
        return number(getattr(self.record, part).get(key))


def find_results(where: str) -> list[Path]:
    """Return every result.json below a folder, in the order of their paths.

    Args:
        where: A folder, or a pattern with `*` of folders.

    Raises:
        InputError: If there is no such folder, or none below it.
    """
    given = Path(where).expanduser()
    if given.is_file():
        raise InputError(f"runs: {where} is a file; give a folder with runs below it")
    if given.is_dir():
        folders = [given]
    elif "*" in where:
        folders = [path for path in _expand(given) if path.is_dir()]
    else:
        raise InputError(f"runs: there is no folder {where}; check the path")
    found = sorted({file for folder in folders for file in _results(folder)})
    if not found:
        raise InputError(
            f"runs: no {RESULT} lies in or below {where}; a run has one once it is finished"
        )
    return found


def _expand(pattern: Path) -> list[Path]:
    anchor = Path(pattern.anchor) if pattern.anchor else Path()
    return sorted(anchor.glob(str(pattern.relative_to(anchor) if pattern.anchor else pattern)))


def _results(folder: Path) -> Iterator[Path]:
    for place, below, files in os.walk(folder):
        if RESULT in files:
            below.clear()
            yield Path(place, RESULT)
        else:
            below[:] = [name for name in below if name not in _BESIDE_RUNS]


def read_results(files: Sequence[Path], metric: str | None = None) -> tuple[list[Run], list[str]]:
    """Return the runs, and for each damaged file what is wrong with it.

    Args:
        files: What `find_results` returns.
        metric: The score to show of tasks that have it; by default that which chose.

    Raises:
        InputError: If all are damaged, or no run has the score.
    """
    records, paths, problems = [], [], []
    for file in files:
        try:
            record = read(file)
            _check(record, file)
        except InputError as error:
            problems.append(str(error))
        else:
            records.append(record)
            paths.append(file.parent)
    if not records:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(f"runs: no {RESULT} can be read: {problems[0]}{more}")
    return _label(records, paths, metric), problems


def _check(record: RunRecord, file: Path) -> None:
    """Refuse a record whose scores are no numbers; other odd values are merely not shown."""
    metric = record.chosen["metric"]
    for split in ("dev", "test"):
        value = record.scores[split].get(metric) if isinstance(metric, str) else None
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(
                f"{file}: not a record of dnaft: scores.{split}.{metric} is {value!r}, no number"
            )
    if not isinstance(metric, str):
        raise InputError(f"{file}: not a record of dnaft: chosen.metric is {metric!r}, no name")


def _label(records: Sequence[RunRecord], paths: Sequence[Path], metric: str | None) -> list[Run]:
    root = _common(paths)
    shown = _shown(records, metric)
    runs = []
    for record, path, names in zip(records, paths, name_runs(records), strict=True):
        name = path.absolute().relative_to(root).as_posix()
        marks = of_record(record)
        score = shown.get(record.task, str(record.chosen["metric"]))
        runs.append(Run(record, path, name, names.task, names.model, score, names.settings, marks))
    return runs


def _shown(records: Sequence[RunRecord], metric: str | None) -> dict[str, str]:
    """Return the score that was asked for by task, of those tasks that have it.

    Raises:
        InputError: If none has.
    """
    if metric is None:
        return {}
    known = {
        (record.task, name)
        for record in records
        for split in ("dev", "test")
        for name in record.scores[split]
        if name not in _NO_SCORES
    }
    found = {task: metric for task, name in known if name == metric}
    if not found:
        names = sorted({name for _, name in known})
        raise InputError(f"metric: no run has the score {metric}; {near(metric, names)}")
    return found


def _common(paths: Sequence[Path]) -> Path:
    """Return the folder that all runs lie below."""
    return Path(os.path.commonpath([path.absolute().parent for path in paths]))


def finite(values: Sequence[float]) -> list[float]:
    """Return the values that are numbers."""
    return [value for value in values if not math.isnan(value)]

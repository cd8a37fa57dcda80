"""Finding runs and reading their records."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dnaft.errors import InputError
from dnaft.record import RunRecord, read
from dnaft.report.marks import number, of_record
from dnaft.report.settings import (
    Value,
    flatten,
    is_of_model,
    is_of_task,
    name_variant,
    short_names,
    varying,
    without_echoes,
)
from dnaft.run_folder import RESULT

_BESIDE_RUNS = {"checkpoints", "adapter", "model", "base", "wandb", "export", ".hydra"}


@dataclass(frozen=True, eq=False)
class Run:
    """One finished run.

    Attributes:
        record: What it left behind.
        path: Its folder.
        name: Its folder below that of all runs.
        task: Name of the task, with what tells it from others of the name.
        model: Name of the model, likewise.
        settings: What else differs between the runs of its method, by short name.
        marks: Letters of `dnaft.report.marks`.
    """

    record: RunRecord
    path: Path
    name: str
    task: str
    model: str
    settings: Mapping[str, Value]
    marks: frozenset[str] = field(default_factory=frozenset)

    @property
    def method(self) -> str:
        """Name of the method."""
        return self.record.method

    @property
    def metric(self) -> str:
        """Name of the score that chose the checkpoint."""
        return str(self.record.chosen["metric"])

    @property
    def is_baseline(self) -> bool:
        """Whether it is a linear model of counts or bases."""
        method = self.record.config.get("method")
        return isinstance(method, Mapping) and method.get("baseline") is not None

    def score(self, split: str, metric: str | None = None) -> float:
        """Return a score, nan if there is none; by default that which chose the checkpoint."""
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


def read_results(files: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Return the runs, and for each damaged file what is wrong with it.

    Args:
        files: What `find_results` returns.

    Raises:
        InputError: If all are damaged.
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
    return _label(records, paths), problems


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


def _label(records: Sequence[RunRecord], paths: Sequence[Path]) -> list[Run]:
    configs = [flatten(record.config) for record in records]
    of_task = _differing(records, configs, "task")
    of_model = _differing(records, configs, "model")
    of_method = _differing(records, configs, "method")
    metrics: dict[str, set[str]] = {}
    sources: dict[str, set[Value]] = {}
    for record, config in zip(records, configs, strict=True):
        metrics.setdefault(record.task, set()).add(record.chosen["metric"])
        sources.setdefault(record.model, set()).add(config.get("model.source"))
    short = short_names(sorted({key for keys in of_method.values() for key in keys}))
    root = _common(paths)
    runs = []
    for record, config, path in zip(records, configs, paths, strict=True):
        task = name_variant(record.task, config, of_task[record.task], 1)
        if len(metrics[record.task]) > 1:
            task = f"{task} [{record.chosen['metric']}]"
        known = len(sources[record.model] - {None})
        model = name_variant(record.model, config, of_model[record.model], known)
        own = of_method[record.method]
        settings = {short[key]: config[key] for key in own if key in config}
        name = path.absolute().relative_to(root).as_posix()
        runs.append(Run(record, path, name, task, model, settings, of_record(record)))
    return runs


def _differing(
    records: Sequence[RunRecord], configs: Sequence[Mapping[str, Value]], kind: str
) -> dict[str, list[str]]:
    """Return by task, model or method the keys of that kind which differ between its runs.

    Compared are runs of one task, model and method: what differs between these was changed by
    hand, what differs between others may be what they are.
    """
    found = {}
    for name in {getattr(record, kind) for record in records}:
        own = [at for at, record in enumerate(records) if getattr(record, kind) == name]
        chosen = [configs[at] for at in own]
        cells = [(records[at].task, records[at].model, records[at].method) for at in own]
        keys = [key for key in varying(chosen, cells) if _kind(key) == kind]
        found[name] = without_echoes(keys, chosen)
    return found


def _kind(key: str) -> str:
    if is_of_task(key):
        return "task"
    return "model" if is_of_model(key) else "method"


def _common(paths: Sequence[Path]) -> Path:
    """Return the folder that all runs lie below."""
    return Path(os.path.commonpath([path.absolute().parent for path in paths]))


def finite(values: Sequence[float]) -> list[float]:
    """Return the values that are numbers."""
    return [value for value in values if not math.isnan(value)]

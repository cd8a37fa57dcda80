"""What a run leaves behind: result.json, written once and read by the report.

Imports the standard library only, so that results can be read without torch.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from dnaft.errors import InputError

SCHEMA_VERSION = 1
_REQUIRED: dict[str, tuple[str, ...]] = {
    "parameters": ("trainable", "total", "fraction"),
    "scores": ("dev", "test"),
    "chosen": ("step", "metric", "value"),
    "timing": ("seconds",),
}


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run; the fields are the keys of result.json, in its order.

    Attributes:
        schema_version: Version of this list of fields.
        task: Name of the task.
        model: Name of the model, or of the features of a baseline.
        method: Name of the method.
        seed: Seed of the run.
        config: The resolved configuration.
        code_version: Version of dnaft, with the git revision if known.
        data: Counts, checksums, overlap between splits, truncation.
        parameters: `trainable` and `total` numbers of parameters and their `fraction`.
        scores: Scores of `dev` and of `test` at the chosen checkpoint.
        chosen: `step` of the checkpoint, the dev `metric` that chose it and its `value`.
        training: What the training made of the configuration and the data, such as class
            weights; empty for baselines.
        timing: `seconds` of the run, `samples_per_second` and further times.
        memory: Peaks, in bytes.
        flops: Floating-point operations: `per_step`, `read` for kept states, `total`.
        forgetting: The backbone as a language model, `before` and `after` fine-tuning; empty if it
            was not asked for.
        ranks: Final rank of each adapted matrix; empty for methods without.
        environment: Versions and hardware.
    """

    schema_version: int = SCHEMA_VERSION
    task: str
    model: str
    method: str
    seed: int
    config: Mapping[str, Any]
    code_version: str
    data: Mapping[str, Any]
    parameters: Mapping[str, Any]
    scores: Mapping[str, Mapping[str, float]]
    chosen: Mapping[str, Any]
    timing: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    flops: Mapping[str, Any] = field(default_factory=dict)
    forgetting: Mapping[str, Any] = field(default_factory=dict)
    ranks: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the keys that the result table needs."""
        if self.schema_version != SCHEMA_VERSION:
            raise ValueError(
                f"schema_version is {self.schema_version!r}, this dnaft reads {SCHEMA_VERSION}; "
                "use the dnaft that wrote the record"
            )
        for item in fields(self):
            value = getattr(self, item.name)
            wanted = item.type if item.type in (int, str) else Mapping
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise ValueError(f"{item.name} has the wrong type {type(value).__name__}")
        for name, keys in _REQUIRED.items():
            missing = [key for key in keys if key not in getattr(self, name)]
            if missing:
                raise ValueError(f"{name} lacks {', '.join(missing)}")
        for split, scores in self.scores.items():
            if not isinstance(scores, Mapping):
                raise ValueError(f"scores.{split} has the wrong type {type(scores).__name__}")

    def main_score(self, split: str) -> float:
        """Return the score of `split` under the metric that chose the checkpoint, nan if absent."""
        value = self.scores.get(split, {}).get(self.chosen["metric"])
        return math.nan if value is None else value

    def write(self, path: str | Path) -> None:
        """Write the record as JSON; the file is either the old one or complete.

        Keys come in the order of the fields, nested ones as given. JSON has no nan and no
        infinity: both become null, and `read` returns null scores as nan.

        Raises:
            TypeError: If a value is no number, text, list or mapping; says where it lies.
        """
        content = {item.name: _plain(getattr(self, item.name), item.name) for item in fields(self)}
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with part.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def read(path: str | Path) -> RunRecord:
    """Return the record in a result.json.

    Records that were written before a field with a default came up need not have it.

    Raises:
        InputError: If the file is missing, no JSON, or not a record of this schema version.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: not a readable record, there is no such file; name the folder of a finished "
            "run, or finish it with resume=true"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable record ({error}); run it again") from error
    if not isinstance(content, dict) or "schema_version" not in content:
        raise InputError(f"{path}: not a record of dnaft: no schema_version; leave this file out")
    if content["schema_version"] != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema_version is {content['schema_version']!r}, this dnaft reads "
            f"{SCHEMA_VERSION}; use the dnaft that wrote it ({content.get('code_version')})"
        )
    names = {item.name for item in fields(RunRecord)}
    needed = {item.name for item in fields(RunRecord) if item.default_factory is MISSING}
    differences = [f"lacks {name}" for name in sorted(needed - content.keys())]
    differences += [f"has the unknown key {name}" for name in sorted(content.keys() - names)]
    if differences:
        raise InputError(f"{path}: not a record of dnaft: it {', '.join(differences)}")
    scores = content["scores"]
    if isinstance(scores, dict):
        content["scores"] = {split: _with_nan(values) for split, values in scores.items()}
    try:
        return RunRecord(**content)
    except ValueError as error:
        raise InputError(f"{path}: not a record of dnaft: {error}") from error


def table(records: Iterable[RunRecord], names: Sequence[str] | None = None) -> str:
    """Return the records as a Markdown table with aligned columns, one line a run.

    The columns `dev` and `test` hold the metric that chose the checkpoint, `params` the trainable
    parameters, rounded from ten thousand on.

    Args:
        records: The runs.
        names: What tells runs of one method apart, such as their folders; the seeds if None.
    """
    records = list(records)
    which = [str(record.seed) for record in records] if names is None else list(names)
    column = "seed" if names is None else "run"
    head = ["task", "model", "method", column, "metric", "dev", "test", "params", "seconds"]
    rows = [
        [
            record.task,
            record.model,
            record.method,
            name,
            str(record.chosen["metric"]),
            _number(record.main_score("dev"), ".4f"),
            _number(record.main_score("test"), ".4f"),
            _count(record.parameters["trainable"]),
            _number(record.timing["seconds"], ",.1f"),
        ]
        for record, name in zip(records, which, strict=True)
    ]
    numeric = [False, False, False, names is None, False, True, True, True, True]
    return aligned_table(head, rows, numeric)


def aligned_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> str:
    """Return a Markdown table whose columns are also aligned as plain text.

    Args:
        head: Names of the columns.
        rows: Cells, as many as columns in each row.
        numeric: Whether a column is aligned on the right.
    """
    widths = [max(3, *(len(row[i]) for row in [head, *rows])) for i in range(len(head))]
    rule = ["-" * (w - n) + ":" * n for w, n in zip(widths, numeric, strict=True)]
    return "\n".join(_line(row, widths, numeric) for row in [head, rule, *rows])


def _line(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    cells = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(row, widths, numeric, strict=True)
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: Any, form: str) -> str:
    return "-" if value is None or math.isnan(value) else format(value, form)


def _count(value: int) -> str:
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= max(unit, 10_000):
            return f"{value / unit:.1f}{name}"
    return f"{value:,d}"


def _with_nan(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    return {key: math.nan if value is None else value for key, value in values.items()}


def _plain(value: Any, where: str) -> Any:
    """Return `value` as JSON knows it; numpy and torch scalars by their `item`."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return _plain(value.item(), where)
    raise TypeError(f"record: {where} has type {type(value).__name__}, which JSON cannot hold")

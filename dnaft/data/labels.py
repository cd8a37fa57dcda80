"""Labels from text."""

import math
import re
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dnaft.errors import InputError, near, quoted
from dnaft.metrics import Kind

# 1, 01 and 1.0 are the class 1; 1e0, 1_0 and 0x1 are not.
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)


class LabelledRows(Protocol):
    """Where labels come from: `dnaft.data.table.RawRows`."""

    @property
    def labels(self) -> list[list[str]]: ...  # noqa: D102 - described in RawRows

    @property
    def where(self) -> str: ...  # noqa: D102 - described in RawRows

    def place(self, row: int) -> str: ...  # noqa: D102 - described in RawRows


def parse_labels(
    raw: LabelledRows, task: str, kind: Kind, outputs: int, names: Sequence[str] = ()
) -> NDArray[np.generic]:
    """Turn label columns into numbers.

    Args:
        raw: The rows.
        task: Name of the task, for messages.
        kind: Kind of the task.
        outputs: Classes, labels or targets; 1 for binary tasks.
        names: How the file calls the classes, in their order; 0, 1, ... if empty.

    Returns:
        As `SequenceTable.labels`.

    Raises:
        InputError: If a label is no number, no class of the task or not finite, or there are
            more or fewer columns than the task has labels or targets.
    """
    expected = outputs if kind in ("multilabel", "regression") else 1
    if len(raw.labels) != expected:
        raise InputError(
            f"task {task}, {raw.where}: {len(raw.labels)} label columns for a {kind} task that "
            f"needs {expected}; set task.source.label_columns and task.outputs to match"
        )
    if kind == "regression":
        values = np.stack([_targets(raw, column, task) for column in raw.labels], axis=1)
        return values[:, 0] if outputs == 1 else values
    if kind == "multilabel":
        flags = [_classes(raw, column, task, 2, "0 or 1") for column in raw.labels]
        return np.stack(flags, axis=1).astype(np.float32)
    if names:
        return _named_classes(raw, raw.labels[0], task, names)
    classes = 2 if kind == "binary" else outputs
    allowed = "0 or 1" if classes == 2 else f"a class from 0 to {classes - 1}"
    return _classes(raw, raw.labels[0], task, classes, allowed)


def _classes(
    raw: LabelledRows, column: list[str], task: str, classes: int, allowed: str
) -> NDArray[np.int64]:
    numbers: dict[str, int] = {}
    for text in dict.fromkeys(column):
        stripped = text.strip()
        value = int(stripped.partition(".")[0]) if _WHOLE.fullmatch(stripped) else -1
        if not 0 <= value < classes:
            remedy = (
                "name classes by whole numbers from 0, or set task.kind and task.outputs"
                if _is_number(stripped)
                else "name the two classes 0 and 1, or set task.classes to their names"
                if classes == 2
                else "name classes by whole numbers from 0, or set task.classes to their names"
            )
            raise InputError(
                f"{_place(raw, task, column.index(text))}: label {quoted(text)} is not {allowed}; "
                f"{remedy}"
            )
        numbers[text] = value
    return np.fromiter((numbers[text] for text in column), np.int64, len(column))


def _named_classes(
    raw: LabelledRows, column: list[str], task: str, names: Sequence[str]
) -> NDArray[np.int64]:
    numbers = {name: number for number, name in enumerate(names)}
    found = [numbers.get(text.strip(), -1) for text in column]
    if -1 in found:
        row = found.index(-1)
        raise InputError(
            f"{_place(raw, task, row)}: label {quoted(column[row])} is none of task.classes; "
            f"{near(column[row].strip(), names)}"
        )
    return np.array(found, dtype=np.int64)


def _targets(raw: LabelledRows, column: list[str], task: str) -> NDArray[np.float64]:
    values = np.empty(len(column), dtype=np.float64)
    for row, text in enumerate(column):
        if not _is_number(text) or not math.isfinite(float(text)):
            raise InputError(
                f"{_place(raw, task, row)}: target {quoted(text)} is not a finite number; "
                "correct it or remove the row"
            )
        values[row] = float(text)
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _place(raw: LabelledRows, task: str, row: int) -> str:
    return f"task {task}, {raw.place(row)}"

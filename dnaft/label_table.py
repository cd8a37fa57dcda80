"""The scores of each label of a multi-label run, as a file.

Imports the standard library only, so that runs can be compared without torch.
"""

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dnaft.errors import InputError

FILE = "label_scores.csv"
AREAS = ("auroc", "auprc")
_COLUMNS = ("split", "label", "name", "rows", "positives", *AREAS)


@dataclass(frozen=True)
class LabelScore:
    """One label of one split.

    Attributes:
        split: dev or test.
        label: Its number in the task, from 0.
        name: Its name, empty if it has none.
        rows: Rows of the split.
        positives: Those with the label.
        auroc: Area under the ROC curve; nan if the split has one value of the label only.
        auprc: Average precision; nan likewise.
    """

    split: str
    label: int
    name: str
    rows: int
    positives: int
    auroc: float
    auprc: float


def write_label_table(path: Path, scores: Sequence[LabelScore]) -> None:
    """Write one line a label and split; an area that is not defined is an empty cell."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for score in scores:
                cells = [getattr(score, name) for name in _COLUMNS]
                writer.writerow(["" if c != c else c for c in cells])
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_label_table(path: Path) -> list[LabelScore]:
    """Read a file of `write_label_table`.

    Raises:
        InputError: If there is none, or it is not one of ours; says in which line.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: no readable table of labels ({error}); a finished run of a multi-label task "
            "has one"
        ) from error
    if not lines or tuple(lines[0]) != _COLUMNS:
        raise InputError(f"{path} line 1: the columns are not {','.join(_COLUMNS)}; run it again")
    scores = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            split, label, name, rows, positives, auroc, auprc = line
            counts = int(label), name, int(rows), int(positives)
            scores.append(LabelScore(split, *counts, _area(auroc), _area(auprc)))
        except ValueError as error:
            raise InputError(f"{path} line {number}: {error}; run it again") from error
    return scores


def _area(cell: str) -> float:
    return float(cell) if cell else math.nan

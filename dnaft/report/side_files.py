"""The small files beside a result.json: curves, ranks, layers, labels."""

import csv
import math
from pathlib import Path

from dnaft.errors import InputError
from dnaft.label_table import FILE, LabelScore, read_label_table

METRICS, RANKS, LAYERS = "metrics.csv", "ranks.csv", "layers.csv"
_BEFORE_MATRICES = ("step", "budget", "kept", "kept_parameters", "dropped", "reintroduced")

Curve = list[tuple[float, float]]


def read_curves(run: Path, names: tuple[str, ...]) -> dict[str, Curve]:
    """Return (steps done, value) of each column of metrics.csv that is there, by its name.

    Lightning counts from 0 and notes what it logs, and what dev has, at the step just done.

    Args:
        run: Folder of the run.
        names: Columns, such as `train/loss`.
    """
    head, lines = _read(run / METRICS)
    if "step" not in head:
        return {}
    at_step, curves = head.index("step"), {}
    for name in names:
        if name in head:
            at = head.index(name)
            pairs = [(_number(line[at_step]) + 1, _number(line[at])) for line in lines]
            curves[name] = [(x, y) for x, y in pairs if math.isfinite(x + y)]
    return {name: curve for name, curve in curves.items() if curve}


def read_last_ranks(run: Path) -> dict[str, float]:
    """Return the rank of each matrix after the last allocation; empty without ranks.csv."""
    head, lines = _read(run / RANKS)
    if not lines:
        return {}
    pairs = zip(head, lines[-1], strict=True)
    return {name: _number(cell) for name, cell in pairs if name not in _BEFORE_MATRICES}


def read_layers(run: Path, metric: str) -> dict[str, Curve]:
    """Return the score by layer of dev and of test; empty without layers.csv."""
    head, lines = _read(run / LAYERS)
    curves = {}
    for split in ("dev", "test"):
        column = f"{split}_{metric}"
        if {"layer", column} <= set(head):
            x, y = head.index("layer"), head.index(column)
            curves[split] = [(_number(line[x]), _number(line[y])) for line in lines]
    return curves


def read_labels(run: Path) -> list[LabelScore]:
    """Return the scores of each label; none without label_scores.csv or with a damaged one."""
    try:
        return read_label_table(run / FILE)
    except InputError:
        return []


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return head and lines, those left out that a crash cut short; empty without the file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return [], []
    if not lines:
        return [], []
    return lines[0], [line for line in lines[1:] if len(line) == len(lines[0])]


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan

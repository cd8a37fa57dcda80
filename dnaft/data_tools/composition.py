"""GC content and length of the sequences of each class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnaft.data.table import SequenceTable
from dnaft.metrics import Kind
from dnaft.sequence import gc_fractions

ALL = "all"
_GC_BINS = 50
_LENGTH_BINS = 30
_MARKS = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}


def describe_composition(kind: Kind, tables: Mapping[str, SequenceTable]) -> dict[str, Any]:
    """Return quantiles and histograms of GC content and length, by split and class.

    Of a pair both sequences count together. Labels that are no classes make one class, `all`.

    Args:
        kind: Kind of the task.
        tables: The splits.

    Returns:
        `gc_edges` and `length_edges` of the histograms; `splits`, by split and class, with `rows`,
        `gc`, `length` and their histograms; for a regression `gc_correlation`, Pearson's, of each
        split's first target.
    """
    gc = {split: _gc_of_rows(table) for split, table in tables.items()}
    lengths = {split: table.lengths_bp().astype(np.float64) for split, table in tables.items()}
    gc_edges = np.linspace(0, 1, _GC_BINS + 1)
    every = np.concatenate(list(lengths.values()))
    length_edges = np.linspace(every.min(), max(every.max(), every.min() + 1), _LENGTH_BINS + 1)
    found: dict[str, Any] = {
        "gc_edges": gc_edges.tolist(),
        "length_edges": length_edges.tolist(),
        "splits": {},
    }
    for split, table in tables.items():
        classes = class_rows(kind, table)
        found["splits"][split] = {
            name: {
                "rows": int(rows.sum()),
                "gc": _quantiles(gc[split][rows]),
                "gc_histogram": np.histogram(gc[split][rows], gc_edges)[0].tolist(),
                "length": _quantiles(lengths[split][rows]),
                "length_histogram": np.histogram(lengths[split][rows], length_edges)[0].tolist(),
            }
            for name, rows in classes.items()
        }
    if kind == "regression":
        found["gc_correlation"] = {s: _correlation(gc[s], t) for s, t in tables.items()}
    return found


def class_rows(kind: Kind, table: SequenceTable) -> dict[str, NDArray[np.bool_]]:
    """Return which rows are of each class, by its name."""
    if kind not in ("binary", "multiclass"):
        return {ALL: np.ones(len(table), dtype=bool)}
    return {str(c): table.labels == c for c in np.unique(table.labels).tolist()}


def _gc_of_rows(table: SequenceTable) -> NDArray[np.float64]:
    """Return the share of G and C of each row, both sequences of a pair together, (rows,)."""
    return gc_fractions(["".join(row) for row in zip(*table.columns(), strict=True)])


def _quantiles(values: NDArray[np.float64]) -> dict[str, float]:
    found = dict(zip(_MARKS, np.quantile(values, list(_MARKS.values())), strict=True))
    found |= {"mean": values.mean(), "deviation": values.std()}
    return {name: round(float(value), 6) for name, value in found.items()}


def _correlation(gc: NDArray[np.float64], table: SequenceTable) -> float | None:
    target = np.asarray(table.labels, np.float64).reshape(len(table), -1)[:, 0]
    if np.ptp(gc) == 0 or np.ptp(target) == 0:
        return None
    return round(float(np.corrcoef(gc, target)[0, 1]), 6)

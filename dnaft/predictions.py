"""Predictions of a split as a parquet file, from which every score can be computed again."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_ROWS_AT_ONCE = 1 << 14


def write_predictions(
    path: str | Path,
    scores: Any,
    labels: Any,
    rows: Any = None,
    as_scores: Callable[[Any], Any] | None = None,
    original: tuple[Any, Any] | None = None,
) -> None:
    """Write one line a row of the split: its number, its labels, its scores.

    Columns: `row`; `label`, or `label_0`, `label_1`, ... if there are several; `score`, or
    `score_0`, ... for each class, label or target; `label_original` and `score_original`, numbered
    alike, for targets that are trained in another unit. Scores are float64; labels are int64 if
    they come as whole numbers or truth values, else float64. Some thousands of rows are widened to
    these types at a time: thousands of columns of a large split would take a multiple of their
    memory.

    Args:
        path: File to write; its folder is made, an older file is replaced at once.
        scores: What `dnaft.metrics.to_scores` returns, (rows,) or (rows, outputs).
        labels: (rows,) or (rows, outputs), an array or a tensor on the CPU.
        rows: Number of each row in its split, (rows,); by default 0, 1, 2, ...
        as_scores: Turns rows of `scores` into what is written, such as logits into probabilities.
        original: Scores and labels once more, in the unit of the file.

    Raises:
        ValueError: If they do not have equally many rows.
    """
    rows = np.arange(len(labels)) if rows is None else np.asarray(rows)
    if not len(rows) == len(labels) == len(scores):
        raise ValueError(
            f"predictions: {len(rows)} row numbers, {len(labels)} labels and {len(scores)} scores"
        )
    if original is not None and not all(len(part) == len(rows) for part in original):
        raise ValueError(
            f"predictions: {len(rows)} row numbers, but {len(original[1])} labels and "
            f"{len(original[0])} scores in the original unit"
        )

    def content(first: int) -> pa.Table:
        end = first + _ROWS_AT_ONCE
        found = scores[first:end] if as_scores is None else as_scores(scores[first:end])
        of_labels = np.asarray(labels[first:end])
        kind = np.float64 if of_labels.dtype.kind == "f" else np.int64
        columns = {"row": rows[first:end].astype(np.int64)}
        columns |= _named("label", of_labels.astype(kind))
        columns |= _named("score", np.asarray(found, dtype=np.float64))
        for name, part in zip(("score_original", "label_original"), original or (), strict=False):
            columns |= _named(name, np.asarray(part[first:end], dtype=np.float64))
        return pa.table(columns)

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    block = content(0)
    try:
        with pq.ParquetWriter(part, block.schema) as writer:
            writer.write_table(block)
            for first in range(_ROWS_AT_ONCE, len(rows), _ROWS_AT_ONCE):
                writer.write_table(content(first))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _named(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of (rows,) or (rows, outputs) under their names in the file."""
    columns = values.reshape(len(values), -1) if values.size else values.reshape(0, 1)
    if columns.shape[1] == 1:
        return {name: columns[:, 0]}
    return {f"{name}_{i}": np.ascontiguousarray(column) for i, column in enumerate(columns.T)}

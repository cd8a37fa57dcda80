"""Predictions of a split as a parquet file, from which every score can be computed again."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def write_predictions(path: str | Path, scores: Any, labels: Any, rows: Any = None) -> None:
    """Write one line a row of the split: its number, its labels, its scores.

    Columns: `row`; `label`, or `label_0`, `label_1`, ... if there are several; `score`, or
    `score_0`, ... for each class, label or target. Scores are float64; labels are int64 if they
    come as whole numbers or truth values, else float64.

    Args:
        path: File to write; its folder is made, an older file is replaced at once.
        scores: What `dnaft.metrics.to_scores` returns, (rows,) or (rows, outputs).
        labels: (rows,) or (rows, outputs), an array or a tensor on the CPU.
        rows: Number of each row in its split, (rows,); by default 0, 1, 2, ...

    Raises:
        ValueError: If the three do not have equally many rows.
    """
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    labels = labels.astype(np.float64 if labels.dtype.kind == "f" else np.int64)
    rows = np.arange(len(labels)) if rows is None else np.asarray(rows)
    if not len(rows) == len(labels) == len(scores):
        raise ValueError(
            f"predictions: {len(rows)} row numbers, {len(labels)} labels and {len(scores)} scores"
        )
    columns = {"row": rows.astype(np.int64)} | _named("label", labels) | _named("score", scores)
    content = pa.table(columns)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        pq.write_table(content, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _named(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of (rows,) or (rows, outputs) under their names in the file."""
    columns = values.reshape(len(values), -1) if values.size else values.reshape(0, 1)
    if columns.shape[1] == 1:
        return {name: columns[:, 0]}
    return {f"{name}_{i}": np.ascontiguousarray(column) for i, column in enumerate(columns.T)}

"""Random sequences in the place of data that are not here: letters make no step longer."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dnaft.data.source import SPLITS
from dnaft.data.table import RowRules, SequenceTable
from dnaft.data.task import Task

# What a source may give beside sequences of one length, and random ones do not have.
_MORE = ("species_column", "sequence_b_column", "jitter_bp")


@dataclass(frozen=True)
class RandomRows:
    """Splits of random sequences, their labels in turn.

    Attributes:
        rows: How many rows each split has.
        length_bp: Of all of them.
    """

    rows: Mapping[str, int]
    length_bp: int

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the three splits; of `data_dir` nothing is read."""
        return {split: self._table(split, rules) for split in SPLITS}

    def _table(self, split: str, rules: RowRules) -> SequenceTable:
        rows, draw = self.rows[split], random.Random(split)
        return SequenceTable(
            sequences=["".join(draw.choices("ACGT", k=self.length_bp)) for _ in range(rows)],
            labels=_labels(rules, rows),
            where=f"random sequences for {split}",
            sha256="",
            numbers=np.arange(1, rows + 1),
            unit="row",
        )


def why_none(task: Task) -> str:
    """Return why random sequences cannot stand in for the rows of a task; nothing if they can."""
    unknown = [f"task.rows.{split}" for split in SPLITS if not (task.rows or {}).get(split)]
    unknown += ["task.length_bp"] if task.length_bp is None else []
    if unknown:
        return f"task {task.name} does not say {', '.join(unknown)}; set it for an estimate"
    more = [name for name in _MORE if getattr(task.source, name, None)]
    return f"task {task.name} reads more than sequences (task.source.{more[0]})" if more else ""


def with_random_rows(task: Task, rows: Mapping[str, int]) -> Task:
    """Return a task with random sequences of its length, and a few of them.

    Args:
        task: One that says its length.
        rows: How many rows each split has; of classes there is one each at least.
    """
    assert task.length_bp is not None  # by why_none
    least = {split: max(count, 2, task.outputs) for split, count in rows.items()}
    return replace(
        task,
        source=RandomRows(least, task.length_bp),
        rows=None,
        drop_leaks=False,
        log_targets=False,
        clip_targets=None,
        standardise_targets=False,
    )


def _labels(rules: RowRules, rows: int) -> NDArray[np.generic]:
    numbers = np.arange(rows)
    if rules.kind in ("binary", "multiclass"):
        return numbers % max(2, rules.outputs)
    each = numbers[:, None] + np.arange(rules.outputs)
    if rules.kind == "multilabel":
        return (each % 2).astype(np.float32)
    return each.astype(np.float64) if rules.outputs > 1 else numbers.astype(np.float64)

"""Splits that were read, checked and compared with each other, before anything is encoded."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dnaft.data.leaks import count_leaks, count_split, describe_leaks, drop_leaks
from dnaft.data.table import SequenceTable
from dnaft.data.targets import Targets, scale_targets
from dnaft.data.task import Task
from dnaft.errors import InputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Splits:
    """The tables of a task with what is known of them.

    Attributes:
        tables: train, dev and test; leaks are removed from train if the task says so, targets of
            a regression are as they are trained.
        summary: Counts, checksums, leaks and what was done to targets, for result.json.
        unit: What a row holds: `sequence` or `pair`.
        targets: The targets as the file has them; none if nothing was done to them.
    """

    tables: dict[str, SequenceTable]
    summary: dict[str, Any]
    unit: str = "sequence"
    targets: Targets | None = None


def load_splits(task: Task, data_dir: str) -> Splits:
    """Read the splits of a task, count what they share and say so before anyone trains.

    Args:
        task: What is learned, from which data.
        data_dir: The folder with the benchmarks.

    Raises:
        InputError: If data are missing or wrong, no training row is left, or a target has no
            logarithm.
    """
    tables = task.load(data_dir)
    leaks = count_leaks(tables)
    counts = {split: count_split(table) for split, table in tables.items()}
    unit = "sequence" if tables["train"].sequences_b is None else "pair"
    remarks = describe_lacks(task, tables) + describe_leaks(counts, leaks, unit)
    dropped = 0
    if task.drop_leaks:
        tables, dropped = drop_leaks(tables)
        if not len(tables["train"]):
            raise InputError(
                f"task {task.name}: all training rows are in dev or test; "
                "give other rows, or set task.drop_leaks=false"
            )
        remarks.append(f"train: {dropped:,} rows found in dev or test are removed")
    tables, targets = scale_targets(task.target_rules, tables)
    summary = {
        "counts": {split: asdict(count) for split, count in counts.items()},
        "checksums": {s: {"file": t.where, "sha256": t.sha256} for s, t in tables.items()},
        "source": {s: dict(t.facts) for s, t in tables.items() if t.facts},
        "leaks": leaks,
        "leaks_dropped_from_train": dropped,
        "train_rows": len(tables["train"]),
        "targets": {} if targets is None else targets.describe(),
    }
    for remark in remarks:
        log.warning("task %s, %s", task.name, remark)
    return Splits(tables, summary, unit, targets)


def describe_lacks(task: Task, tables: Mapping[str, SequenceTable]) -> list[str]:
    """Say in a sentence each what dev and test cannot score; empty if they can score everything.

    Labels of multi-label tasks are not among it: those with one value are left out and counted.

    Args:
        task: Says which classes there are.
        tables: Splits, targets as the file has them; those that are not there say nothing.
    """
    if task.kind == "multilabel":
        return []
    lines = []
    for split in [split for split in ("dev", "test") if split in tables]:
        labels = tables[split].labels
        if task.kind in ("binary", "multiclass"):
            names = task.classes or tuple(map(str, range(max(2, task.outputs))))
            present = set(np.unique(labels).tolist())
            absent = ", ".join(name for c, name in enumerate(names) if c not in present)
            if absent:
                alone = ", with one class alone MCC is 0 and AUROC undefined"
                lines.append(
                    f"{split}: no row has label {absent}, so scores tell nothing of it"
                    f"{alone if len(present) == 1 else ''}; part the rows in another way"
                )
        elif (np.ptp(labels, axis=0) == 0).any():
            lines.append(
                f"{split}: a target is the same in all rows, so it has no R2; part the rows in "
                "another way"
            )
    return lines

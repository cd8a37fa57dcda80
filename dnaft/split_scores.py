"""The scores of a run's splits, in every unit, and the files that hold them in detail."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from torch import Tensor

from dnaft.data.targets import Targets
from dnaft.data.task import Task
from dnaft.label_scores import score_labels
from dnaft.label_table import FILE as LABEL_TABLE
from dnaft.label_table import write_label_table
from dnaft.metrics import score, to_scores
from dnaft.predictions import write_predictions

PREDICTIONS = "test_predictions.parquet"


def score_split(
    task: Task, split: str, logits: Tensor, labels: Tensor, targets: Targets | None
) -> dict[str, float]:
    """Return the scores of a split; those in the unit of the file end in `_original`.

    Args:
        task: The task.
        split: Its name.
        logits: (rows,) or (rows, outputs).
        labels: The same rows.
        targets: As of `score_splits`.
    """
    scores = score(task.kind, task.outputs, logits, labels)
    return scores if targets is None else scores | targets.scores(split, logits)


def score_splits(
    task: Task,
    data_dir: str,
    folder: Path,
    predicted: Iterable[tuple[str, Tensor, Tensor]],
    targets: Targets | None = None,
) -> dict[str, dict[str, float]]:
    """Score the splits; write predictions of test and, of several labels, the table of each label.

    Args:
        task: The task.
        data_dir: The folder with the benchmarks, which may hold the names of the labels.
        folder: The run folder.
        predicted: Name, logits and labels of each split, (rows,) or (rows, outputs), drawn one
            after the other, so that one split at a time is in memory.
        targets: Targets of a regression as the file has them, if they were trained otherwise.

    Returns:
        The scores of each split; those in the unit of the file end in `_original`.
    """
    scores: dict[str, dict[str, float]] = {}
    by_label = []
    for split, logits, labels in predicted:
        scores[split] = score_split(task, split, logits, labels, targets)
        original = None if targets is None else targets.predictions(split, logits)
        if task.kind == "multilabel":
            by_label += score_labels(split, logits, labels, task.label_names(data_dir))
        if split == "test":
            as_scores = partial(to_scores, task.kind)
            write_predictions(folder / PREDICTIONS, logits, labels, None, as_scores, original)
    if by_label:
        write_label_table(folder / LABEL_TABLE, by_label)
    return scores

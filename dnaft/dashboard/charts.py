"""What W&B shows of a split: its own kinds of charts, from predictions that the run has anyway."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import wandb
from numpy.typing import NDArray

from dnaft.dashboard.curves import evenly, precision_recall_points, roc_points
from dnaft.metrics import THRESHOLD

Array = NDArray[np.float64]
# W&B's limit for a table of a run; it would leave out the rest.
MOST_ROWS = 10_000
MOST_TARGETS = 20
_CURVE = "wandb/area-under-curve/v0"  # the chart of wandb.plot.roc_curve and pr_curve


def of_classes(probabilities: Array, labels: Array, classes: Sequence[str]) -> dict[str, Any]:
    """Return confusion matrix, ROC and precision-recall curves.

    W&B's own functions for curves round to three digits, draw some of the points at random and
    raise precisions to the best behind them; the charts are theirs, the points are exact.

    Args:
        probabilities: Of class 1, (rows,), or of each class, (rows, classes).
        labels: Class of each row, (rows,).
        classes: Names of the classes.
    """
    charts = {
        "confusion_matrix": wandb.plot.confusion_matrix(
            y_true=labels.astype(int).tolist(),
            preds=decide(probabilities).tolist(),
            class_names=list(classes),
            title="Confusion matrix",
        )
    }
    binary = probabilities.ndim == 1
    shown = [1] if binary else range(len(classes))
    scores = {classes[c]: probabilities if binary else probabilities[:, c] for c in shown}
    positive = {classes[c]: (labels == c).astype(np.float64) for c in shown}
    for key, title, points, x, y in (
        ("roc", "ROC", roc_points, "false positive rate", "true positive rate"),
        ("pr", "Precision and recall", precision_recall_points, "recall", "precision"),
    ):
        found = points(scores, positive, MOST_ROWS)
        if found:
            charts[key] = wandb.plot_table(
                _CURVE,
                wandb.Table(columns=["class", x, y], data=found),
                {"x": x, "y": y, "class": "class"},
                {"title": title, "x-axis-title": x, "y-axis-title": y},
            )
    return charts


def decide(probabilities: Array) -> NDArray[np.int64]:
    """Return the predicted class of each row, as the scores of a run take it."""
    chosen: NDArray[np.int64]
    if probabilities.ndim == 1:
        chosen = (probabilities > THRESHOLD).astype(np.int64)
    else:
        chosen = probabilities.argmax(axis=1).astype(np.int64)
    return chosen


def table_of_predictions(
    probabilities: Array, labels: Array, classes: Sequence[str], most: int
) -> Any:
    """Return a table with one line a row of the split: number, class, decision, probabilities.

    Args:
        probabilities: As of `of_classes`.
        labels: As of `of_classes`.
        classes: As of `of_classes`.
        most: Lines at most; of more rows some are taken, evenly spread.
    """
    shown = evenly(len(labels), most)
    named = classes[1:] if probabilities.ndim == 1 else classes
    predicted = decide(probabilities)
    columns = probabilities.reshape(len(labels), -1)
    return wandb.Table(
        columns=["row", "label", "predicted", "correct", *(f"score {name}" for name in named)],
        data=[
            [
                int(i),
                classes[int(labels[i])],
                classes[predicted[i]],
                bool(labels[i] == predicted[i]),
                *columns[i].tolist(),
            ]
            for i in shown
        ],
    )


def table_of_labels(probabilities: Array, labels: Array, names: Sequence[str], most: int) -> Any:
    """Return a table with one line a row of the split: number, labels, decisions, probabilities.

    Args:
        probabilities: (rows, labels).
        labels: 0 and 1, (rows, labels).
        names: Names of the labels, or none. The first `MOST_TARGETS` have a column of their own.
        most: Lines at most; of more rows some are taken, evenly spread.
    """
    called = names or [str(j) for j in range(labels.shape[1])]
    given, decided = labels > 0, probabilities > THRESHOLD
    data = []
    for i in evenly(len(labels), most):
        sets = [
            ", ".join(called[j] for j in np.flatnonzero(row[i]).tolist())
            for row in (given, decided)
        ]
        wrong = int((given[i] != decided[i]).sum())
        data.append([int(i), *sets, wrong, *probabilities[i, :MOST_TARGETS].tolist()])
    scored = [f"score {name}" for name in called[:MOST_TARGETS]]
    return wandb.Table(columns=["row", "labels", "predicted", "wrong", *scored], data=data)


def of_targets(
    predicted: Array, measured: Array, names: Sequence[str], most: int
) -> dict[str, Any]:
    """Return predicted against measured values of each target, of the first `MOST_TARGETS`.

    Args:
        predicted: (rows, targets).
        measured: (rows, targets).
        names: Names of the targets, or none.
        most: Points at most; of more rows some are taken, evenly spread.
    """
    shown = evenly(len(measured), most)
    charts = {}
    for j in range(min(measured.shape[1], MOST_TARGETS)):
        several = measured.shape[1] > 1
        name = names[j] if len(names) else str(j)
        rows = [[int(i), float(measured[i, j]), float(predicted[i, j])] for i in shown]
        key = "predicted_against_measured" + (f"/{name}" if several else "")
        charts[key] = wandb.plot.scatter(
            wandb.Table(columns=["row", "measured", "predicted"], data=rows),
            x="measured",
            y="predicted",
            title="Predicted against measured" + (f": {name}" if several else ""),
        )
    return charts

"""Points of ROC and precision-recall curves, as many as a dashboard takes."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

Array = NDArray[np.float64]
# Name of the class, then a point.
Points = list[list[str | float]]
_MOST_POINTS = 500


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Return at most so many of the numbers 0 to `count` - 1, evenly spread, both ends included."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)


def roc_points(scores: Mapping[str, Array], positive: Mapping[str, Array], most: int) -> Points:
    """Return false and true positive rate of each class against the others.

    Args:
        scores: Probabilities of each class, (rows,).
        positive: 1 for its rows, else 0, (rows,). A class with one value only has no curve.
        most: Points of all classes together.
    """
    points: Points = []
    for name in _with_curve(positive):
        false, true, _ = roc_curve(positive[name], scores[name])
        points += _thinned(name, false, true, most // len(scores))
    return points


def precision_recall_points(
    scores: Mapping[str, Array], positive: Mapping[str, Array], most: int
) -> Points:
    """Return recall and precision of each class against the others, by rising recall.

    The average precision is the area of the steps to the left of the points; no point is raised to
    the best precision behind it.

    Args:
        scores: As of `roc_points`.
        positive: As of `roc_points`.
        most: As of `roc_points`.
    """
    points: Points = []
    for name in _with_curve(positive):
        precision, recall, _ = precision_recall_curve(positive[name], scores[name])
        points += _thinned(name, recall[::-1], precision[::-1], most // len(scores))
    return points


def _with_curve(positive: Mapping[str, Array]) -> list[str]:
    return [name for name, values in positive.items() if 0 < values.sum() < len(values)]


def _thinned(name: str, x: Array, y: Array, most: int) -> Points:
    kept = evenly(len(x), max(2, min(most, _MOST_POINTS)))
    return [[name, float(x[i]), float(y[i])] for i in kept]

"""The formulas of the scores: torchmetrics' functions, fed with float64.

Scores are probabilities or predicted values, (rows,), float64. Where a score is undefined it is
nan; `dnaft.metrics` lists the rules.
"""

import math

from torch import Tensor
from torchmetrics.functional import pearson_corrcoef, r2_score, spearman_corrcoef
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    multiclass_confusion_matrix,
)

NAN = float("nan")


def confusion(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Return how many rows of each class were given each class, (classes, classes), float64.

    Args:
        predicted: Class of each row, (rows,), int64 or bool.
        labels: True class of each row, (rows,), int64 or bool.
        classes: Number of classes.

    Returns:
        Rows are the true classes, columns the predicted ones.
    """
    return multiclass_confusion_matrix(predicted.long(), labels.long(), classes).double()


def accuracy(matrix: Tensor) -> float:
    """Return the fraction of rows on the diagonal of a confusion matrix."""
    return float(matrix.trace() / matrix.sum())


def mcc(matrix: Tensor) -> float:
    """Return Matthews' correlation coefficient, of any number of classes (Gorodkin 2004).

    0 where its denominator is 0: only one class in the labels or in the predictions.
    """
    total, true, predicted = matrix.sum(), matrix.sum(1), matrix.sum(0)
    covariance = matrix.trace() * total - true @ predicted
    spread = float(((total**2 - true @ true) * (total**2 - predicted @ predicted)).sqrt())
    return float(covariance) / spread if spread > 0 else 0.0


def f1_by_class(matrix: Tensor) -> Tensor:
    """Return F1 of each class, (classes,); nan of a class neither true nor predicted anywhere."""
    return 2 * matrix.diagonal() / (matrix.sum(0) + matrix.sum(1))


def f1_macro(matrix: Tensor) -> float:
    """Return the mean F1 of the classes found in the labels or in the predictions."""
    return float(f1_by_class(matrix).nanmean())


def auroc(scores: Tensor, positive: Tensor) -> float:
    """Return the area under the ROC curve, to about 1e-7; nan if one class only is present.

    Args:
        scores: Probabilities, (rows,), float64.
        positive: Label of each row, (rows,), bool.
    """
    return NAN if _constant(positive) else float(binary_auroc(scores, positive.long()))


def auprc(scores: Tensor, positive: Tensor) -> float:
    """Return the average precision, to about 1e-7; nan if one class only is present.

    Args:
        scores: Probabilities, (rows,), float64.
        positive: Label of each row, (rows,), bool.
    """
    if _constant(positive):
        return NAN
    return float(binary_average_precision(scores, positive.long()))


def r2(predicted: Tensor, labels: Tensor) -> float:
    """Return the coefficient of determination; nan if the labels do not vary."""
    return NAN if _constant(labels) else float(r2_score(predicted, labels))


def pearson(first: Tensor, second: Tensor) -> float:
    """Return Pearson's correlation; nan if either side does not vary."""
    if _constant(first) or _constant(second):
        return NAN
    return float(pearson_corrcoef(first - first.mean(), second - second.mean()))


def spearman(first: Tensor, second: Tensor) -> float:
    """Return Pearson's correlation of the ranks, where rows with equal values share their mean."""
    if _constant(first) or _constant(second):
        return NAN
    return float(spearman_corrcoef(first, second))


def mean(values: list[float]) -> float:
    """Return the mean; nan of no values."""
    return math.fsum(values) / len(values) if values else NAN


def _constant(values: Tensor) -> bool:
    return bool((values == values[:1]).all())

"""Linear models of every kind of task, as one path of weights from strong to weak penalty."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge

from dnaft.errors import InputError
from dnaft.metrics import Kind

Array = NDArray[np.float64]
Features: TypeAlias = sparse.csr_array | Array
_MAX_ITERATIONS = 10_000
_WIDEST_NEWTON = 10_000  # rows of the matrix of second derivatives, 800 MB
_TOLERANCE = 1e-6  # of the gradient of the mean loss; scikit-learn's 1e-4 stops k-mers too early


@dataclass(frozen=True, eq=False)
class Weights:
    """A fitted linear map.

    Attributes:
        coefficients: (outputs, features).
        intercepts: (outputs,).
        trainable: Coefficients and intercepts that were fitted.
    """

    coefficients: Array
    intercepts: Array
    trainable: int

    def apply(self, features: Features) -> Array:
        """Return logits or predicted values, (rows, outputs)."""
        return np.asarray(features @ self.coefficients.T + self.intercepts)


def fit_path(
    kind: Kind, outputs: int, features: Features, labels: Array, penalties: list[float]
) -> Iterator[tuple[float, Weights]]:
    """Yield the weights that minimise the sum of losses and the penalised squared coefficients.

    Logistic: sum of log losses + penalty / 2 * ||coefficients||^2. Regression: sum of squared
    errors of the standardised targets + penalty * ||coefficients||^2. The intercept is not
    penalised. Logistic fits start from the weights of the penalty before.

    Args:
        kind: Kind of the task.
        outputs: Classes, labels or targets; 1 for binary tasks.
        features: (rows, features).
        labels: (rows,) or (rows, outputs).
        penalties: Above 0.

    Yields:
        Each penalty with its weights, from the strongest penalty to the weakest.

    Raises:
        InputError: If a class of a binary or multi-class task has no row.
    """
    ordered = sorted(set(penalties), reverse=True)
    if kind == "regression":
        yield from _ridge_path(features, labels.reshape(len(labels), outputs), ordered)
        return
    columns = labels.reshape(len(labels), -1)
    if kind != "multilabel":
        missing = set(range(max(outputs, 2))) - set(columns[:, 0].astype(int).tolist())
        if missing:
            raise InputError(
                f"train has no row of class {', '.join(map(str, sorted(missing)))}; a logistic "
                "regression needs rows of every class"
            )
    solver = _solver(features, outputs if kind == "multiclass" and outputs > 2 else 1)
    models = [_logistic(column, solver) for column in columns.T]
    for penalty in ordered:
        fits = [
            _refit(model, features, column, penalty)
            if model is not None
            else _constant(column, features.shape[1])
            for model, column in zip(models, columns.T, strict=True)
        ]
        if kind == "multiclass" and outputs == 2:
            yield penalty, _two_columns(fits[0])
        else:
            yield penalty, _stack(fits)


def _solver(features: Features, classes: int) -> str:
    """Newton's method for dense features: hidden states hang together, which takes others long."""
    dense = not sparse.issparse(features)
    return "newton-cholesky" if dense and features.shape[1] * classes < _WIDEST_NEWTON else "lbfgs"


def _logistic(column: Array, solver: str) -> LogisticRegression | None:
    """Return a model to fit, None for a label that has one value only."""
    if len(np.unique(column)) == 1:
        return None
    return LogisticRegression(
        solver=solver, max_iter=_MAX_ITERATIONS, tol=_TOLERANCE, warm_start=True
    )


def _refit(model: LogisticRegression, features: Features, column: Array, penalty: float) -> Weights:
    model.set_params(C=1 / penalty).fit(features, column.astype(int))
    return _copy(model.coef_, model.intercept_)


def _constant(column: Array, width: int) -> Weights:
    """Return the logit of the frequency of 1, with half a row added to either side."""
    hits = float(column.sum())
    logit = np.log((hits + 0.5) / (len(column) - hits + 0.5))
    return Weights(np.zeros((1, width)), np.array([logit]), 1)


def _stack(fits: list[Weights]) -> Weights:
    return Weights(
        np.concatenate([fit.coefficients for fit in fits]),
        np.concatenate([fit.intercepts for fit in fits]),
        sum(fit.trainable for fit in fits),
    )


def _two_columns(fit: Weights) -> Weights:
    """Return the logits (0, z) of two classes, whose softmax is the sigmoid of z."""
    return Weights(
        np.concatenate([np.zeros_like(fit.coefficients), fit.coefficients]),
        np.concatenate([np.zeros_like(fit.intercepts), fit.intercepts]),
        fit.trainable,
    )


def _ridge_path(
    features: Features, labels: Array, penalties: list[float]
) -> Iterator[tuple[float, Weights]]:
    mean, spread = labels.mean(axis=0), labels.std(axis=0)
    spread[spread == 0] = 1.0
    # Sparse features stay sparse: that solver centres them without writing it out.
    solver = "sparse_cg" if sparse.issparse(features) else "cholesky"
    for penalty in penalties:
        model = Ridge(alpha=penalty, solver=solver, tol=1e-8, max_iter=_MAX_ITERATIONS)
        model.fit(features, (labels - mean) / spread)
        coefficients = model.coef_.reshape(labels.shape[1], -1) * spread[:, None]
        yield penalty, _copy(coefficients, model.intercept_ * spread + mean)


def _copy(coefficients: Any, intercepts: Any) -> Weights:
    # A warm start fits on in the same arrays.
    return Weights(
        np.array(coefficients, dtype=np.float64),
        np.array(intercepts, dtype=np.float64),
        int(coefficients.size + intercepts.size),
    )

"""Linear probes of hidden states, one a layer: what of a task can be read off where."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dnaft.baselines.choice import Choice, check_penalties, choose_penalty
from dnaft.baselines.estimators import Array, Weights
from dnaft.metrics import Kind

# Of the layer's size: what differs by less is rounding, which would be blown up to variance 1. It
# may even tell classes apart, where rows of one class are read in one batch.
_NO_SPREAD = 1e-6


@dataclass(frozen=True)
class LayerProbe:
    """Logistic regression, or ridge regression of the standardised targets, on pooled states.

    Alain & Bengio 2016 (arXiv:1610.01644) probe each layer of a network whose weights stay as they
    are. Features are brought to mean 0 and variance 1 over train, so that one grid of penalties
    does for all layers; those that do not vary in train are left out.

    Attributes:
        penalties: Weights of the squared coefficients against the sum of losses over train; for
            each layer one is chosen on dev.

    Raises:
        ValueError: If there is no penalty, or one is not above 0 and finite.
    """

    penalties: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the penalties."""
        check_penalties(self.penalties)

    def fit(
        self,
        features: tuple[NDArray[np.float32], NDArray[np.float32]],
        labels: tuple[Array, Array],
        kind: Kind,
        outputs: int,
        choose_by: str,
    ) -> Choice:
        """Fit the probe of one layer to train, under the penalty that scores best on dev.

        Args:
            features: Pooled states of train and of dev, (rows, width).
            labels: Of train and of dev, (rows,) or (rows, outputs).
            kind: Kind of the task.
            outputs: Classes, labels or targets; 1 for binary tasks.
            choose_by: Name of the dev score.

        Returns:
            The choice, its weights for pooled states as they are.

        Raises:
            ValueError: If `kind`, `outputs` or `choose_by` is unknown or does not fit.
            InputError: If train lacks a class.
        """
        train, dev = (part.astype(np.float64) for part in features)
        mean, spread = train.mean(axis=0), train.std(axis=0)
        # Divided by infinity a feature is 0, and so is its weight.
        spread[spread <= _NO_SPREAD * np.sqrt(np.square(train).mean())] = np.inf
        standardised = (train - mean) / spread, (dev - mean) / spread
        choice = choose_penalty(kind, outputs, standardised, labels, self.penalties, choose_by)
        return replace(choice, weights=_for_raw_features(choice.weights, mean, spread))


def _for_raw_features(weights: Weights, mean: Array, spread: Array) -> Weights:
    """Return the map of features that gives what `weights` gives of standardised ones."""
    coefficients = weights.coefficients / spread
    return replace(
        weights, coefficients=coefficients, intercepts=weights.intercepts - coefficients @ mean
    )

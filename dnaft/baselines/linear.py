"""A linear model on sequence features, its penalty chosen on dev: the yardstick of a report."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from dnaft.baselines.choice import Choice, check_penalties, choose_penalty, undefined_on_dev
from dnaft.baselines.features import Features
from dnaft.errors import InputError
from dnaft.metrics import Kind


class Split(Protocol):
    """Sequences of a split with their labels, as `dnaft.data.table.SequenceTable`."""

    @property
    def sequences(self) -> Sequence[str]:
        """DNA, one text a row."""

    @property
    def sequences_b(self) -> Sequence[str] | None:
        """The second sequence of each row, for pairs."""

    @property
    def labels(self) -> NDArray[Any]:
        """(rows,) or (rows, outputs)."""


@dataclass(frozen=True, eq=False)
class BaselineFit:
    """A fitted baseline.

    Attributes:
        features: How sequences become features.
        lengths_bp: Longest sequence of train, for pairs the longest first and the longest second
            one; one-hot features end there.
        tables: The splits.
        choice: The weights, and the penalty that dev chose.
        seconds: Time for features, all fits and the choice.
    """

    features: Features
    lengths_bp: tuple[int, ...]
    tables: Mapping[str, Split]
    choice: Choice
    seconds: float

    def predict(self, split: str) -> NDArray[np.float64]:
        """Return logits, or values in the unit of the labels, of a split: (rows, outputs)."""
        features = _transform(self.features, self.tables[split], self.lengths_bp)
        return self.choice.weights.apply(features)

    def count_cut(self, split: str) -> int:
        """Return how many sequences of a split lose bases behind `lengths_bp`."""
        columns = _columns(self.tables[split])
        return sum(map(self.features.count_cut, columns, self.lengths_bp))


@dataclass(frozen=True)
class LinearBaseline:
    """Logistic regression, or ridge regression of the standardised targets.

    The features of a pair are those of its first sequence, then those of its second.

    Attributes:
        features: How sequences become features.
        penalties: Weights of the squared coefficients against the sum of losses over train; one of
            them is chosen on dev. scikit-learn's C is 1 / penalty, its alpha is penalty.
    """

    features: Features
    penalties: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the penalties."""
        check_penalties(self.penalties)

    def fit(
        self, tables: Mapping[str, Split], kind: Kind, outputs: int, choose_by: str
    ) -> BaselineFit:
        """Fit to train under each penalty and keep the one that scores best on dev.

        Args:
            tables: At least the splits train and dev; others are not looked at.
            kind: Kind of the task.
            outputs: Classes, labels or targets; 1 for binary tasks.
            choose_by: Name of the dev score, a key of `dnaft.metrics.build_metrics`.

        Raises:
            ValueError: If `kind`, `outputs` or `choose_by` is unknown or does not fit.
            InputError: If train lacks a class, or dev defines no score.
        """
        started = time.perf_counter()
        train, dev = tables["train"], tables["dev"]
        lengths_bp = tuple(max(map(len, column), default=0) for column in _columns(train))
        features = (
            _transform(self.features, train, lengths_bp),
            _transform(self.features, dev, lengths_bp),
        )
        labels = (
            np.asarray(train.labels, dtype=np.float64),
            np.asarray(dev.labels, dtype=np.float64),
        )
        choice = choose_penalty(kind, outputs, features, labels, self.penalties, choose_by)
        if not choice.defined:
            raise InputError(undefined_on_dev(choose_by))
        seconds = time.perf_counter() - started
        return BaselineFit(self.features, lengths_bp, tables, choice, seconds)


def _columns(split: Split) -> list[Sequence[str]]:
    return [split.sequences] + ([] if split.sequences_b is None else [split.sequences_b])


def _transform(features: Features, split: Split, lengths_bp: tuple[int, ...]) -> sparse.csr_array:
    """Return the features of each row; those of the sequences of a pair side by side."""
    parts = list(map(features.transform, _columns(split), lengths_bp))
    return parts[0] if len(parts) == 1 else sparse.csr_array(sparse.hstack(parts, format="csr"))

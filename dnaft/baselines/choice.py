"""The penalty of a linear model that scores best on dev."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from dnaft.baselines.estimators import Array, Features, Weights, fit_path
from dnaft.metrics import Kind, SplitScore, build_metrics


@dataclass(frozen=True, eq=False)
class Choice:
    """A fitted linear map and why this one.

    Attributes:
        weights: The weights under the chosen penalty.
        penalty: The penalty with the best dev score; of equals the strongest.
        dev_scores: Dev score under each penalty, from the strongest to the weakest.
    """

    weights: Weights
    penalty: float
    dev_scores: dict[float, float]

    @property
    def defined(self) -> bool:
        """Whether dev defines the score under any penalty."""
        return not math.isnan(self.dev_scores[self.penalty])

    @property
    def at_edge(self) -> bool:
        """Whether the chosen penalty ends a grid of several: a wider one may do better."""
        grid = list(self.dev_scores)
        return len(grid) > 1 and self.penalty in (grid[0], grid[-1])


def check_penalties(penalties: Sequence[float]) -> None:
    """Refuse an empty grid, and penalties that are no positive numbers.

    Raises:
        ValueError: If there are none, or one is not above 0 and finite.
    """
    if not penalties:
        raise ValueError("penalties must name one number or more, got none")
    wrong = [p for p in penalties if not (p > 0 and math.isfinite(p))]
    if wrong:
        raise ValueError(f"penalties must be above 0 and finite, got {wrong[0]}")


def choose_penalty(
    kind: Kind,
    outputs: int,
    features: tuple[Features, Features],
    labels: tuple[Array, Array],
    penalties: Sequence[float],
    choose_by: str,
) -> Choice:
    """Fit to train under each penalty and keep the one that scores best on dev.

    Args:
        kind: Kind of the task.
        outputs: Classes, labels or targets; 1 for binary tasks.
        features: Of train and of dev, (rows, features).
        labels: Of train and of dev, (rows,) or (rows, outputs).
        penalties: Above 0.
        choose_by: Name of the dev score, a key of `dnaft.metrics.build_metrics`.

    Returns:
        The choice; under the strongest penalty where dev defines no score.

    Raises:
        ValueError: If `kind`, `outputs` or `choose_by` is unknown or does not fit.
        InputError: If train lacks a class.
    """
    known = list(build_metrics(kind, outputs))
    if choose_by not in known:
        raise ValueError(f"choose_by of a {kind} task must be one of {known}, got {choose_by!r}")
    check_penalties(penalties)
    scores: dict[float, float] = {}
    best: Weights | None = None
    chosen, highest = math.nan, -math.inf
    for penalty, weights in fit_path(kind, outputs, features[0], labels[0], list(penalties)):
        metric = SplitScore(kind, choose_by, outputs)
        metric.update(torch.from_numpy(weights.apply(features[1])), torch.as_tensor(labels[1]))
        scores[penalty] = float(metric.compute())
        if best is None or scores[penalty] > highest:
            best, chosen = weights, penalty
            highest = -math.inf if math.isnan(scores[penalty]) else scores[penalty]
    assert best is not None  # there is a penalty
    return Choice(best, chosen, scores)


def undefined_on_dev(choose_by: str) -> str:
    """Return the message for a dev split that cannot choose."""
    return (
        f"the dev split defines no {choose_by} (one class only, or too few rows); "
        "choose another task.choose_by or a larger dev split"
    )

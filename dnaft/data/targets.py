"""Targets of a regression as they are trained: clipped, as logarithms, standardised.

The three steps are taken in this order. The map is the same for every split; mean and spread are
those of the training rows. Scores are told in both units: of the trained targets under their own
names, of the targets as the file has them under names that end in `_original`. Clipped targets are
scored there unclipped, against predictions mapped back.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnaft.data.table import SequenceTable
from dnaft.errors import InputError
from dnaft.metrics import Kind, score

Array = NDArray[np.float64]
ORIGINAL = "_original"


@dataclass(frozen=True)
class TargetRules:
    """What is done to targets before they are trained; by default nothing.

    Attributes:
        logarithm: Train the natural logarithm.
        clip: Values below the first become the first, above the second the second, in the unit of
            the file.
        standardise: Subtract the mean and divide by the standard deviation (of the population, as
            scikit-learn's StandardScaler) of the training rows, each target by its own.
    """

    logarithm: bool = False
    clip: tuple[float, float] | None = None
    standardise: bool = False

    def __post_init__(self) -> None:
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError(f"clip_targets must rise, got {list(self.clip)}")
        if self.logarithm and self.clip is not None and self.clip[0] <= 0:
            raise ValueError(
                f"clip_targets must begin above 0 where log_targets=true, got {list(self.clip)}"
            )

    def __bool__(self) -> bool:
        return self.logarithm or self.clip is not None or self.standardise

    def check(self, kind: Kind) -> None:
        """Refuse rules for labels that are no numbers.

        Raises:
            ValueError: If there is a rule and the task is no regression.
        """
        if self and kind != "regression":
            raise ValueError(
                f"log_targets, clip_targets and standardise_targets are for numbers; a {kind} "
                "task has none: leave them out, or set kind=regression"
            )


@dataclass(frozen=True, eq=False)
class TargetScale:
    """The map from targets as the file has them to targets as they are trained, and back.

    Attributes:
        rules: What is done.
        mean: Of each target of train, (outputs,); 0 where nothing is standardised.
        spread: Standard deviation of each, (outputs,); 1 where nothing is standardised.
    """

    rules: TargetRules
    mean: Array
    spread: Array

    @classmethod
    def fit(cls, rules: TargetRules, train: SequenceTable) -> "TargetScale":
        """Take mean and spread from the training rows.

        Raises:
            InputError: If a target has no logarithm, or is the same in all rows.
        """
        values = _steps(rules, train).reshape(len(train), -1)
        outputs = values.shape[1]
        if (np.ptp(values, axis=0) == 0).any():
            raise InputError(
                f"{train.where}: clipped to {list(rules.clip or ())}, a target is the same in all "
                "training rows; correct task.clip_targets"
            )
        if not rules.standardise:
            return cls(rules, np.zeros(outputs), np.ones(outputs))
        return cls(rules, values.mean(axis=0), values.std(axis=0))

    def apply(self, table: SequenceTable) -> SequenceTable:
        """Return the table with its targets as they are trained.

        Raises:
            InputError: If a target has no logarithm.
        """
        values = _steps(self.rules, table)
        scaled = (values.reshape(len(table), -1) - self.mean) / self.spread
        return replace(table, labels=scaled.reshape(values.shape))

    def invert(self, predicted: Array) -> Array:
        """Return predictions in the unit of the file, shaped as given: (rows,) or (rows, outputs).

        What was clipped stays so: there is no way back.
        """
        values = predicted.reshape(len(predicted), -1) * self.spread + self.mean
        values = np.exp(values) if self.rules.logarithm else values
        return values.reshape(predicted.shape)

    def describe(self) -> dict[str, Any]:
        """Return the map for result.json."""
        standardised = self.rules.standardise
        return {
            "logarithm": self.rules.logarithm,
            "clip": None if self.rules.clip is None else list(self.rules.clip),
            "mean": self.mean.tolist() if standardised else None,
            "spread": self.spread.tolist() if standardised else None,
        }


@dataclass(frozen=True, eq=False)
class Targets:
    """The map of a run's targets, with the targets that it was applied to.

    Attributes:
        scale: The map.
        original: Targets of each split as the file has them, (rows,) or (rows, outputs).
    """

    scale: TargetScale
    original: dict[str, Array]

    def predictions(self, split: str, predicted: Tensor) -> tuple[Array, Array]:
        """Return predictions and targets of a split in the unit of the file.

        Args:
            split: The split.
            predicted: (rows,) or (rows, outputs), as they are trained.
        """
        labels = self.original[split]
        values = predicted.detach().cpu().double().numpy().reshape(labels.shape)
        return self.scale.invert(values), labels

    def scores(self, split: str, predicted: Tensor) -> dict[str, float]:
        """Return the scores in the unit of the file, their names ending in `_original`.

        Args:
            split: The split.
            predicted: (rows,) or (rows, outputs), as they are trained.
        """
        values, labels = map(torch.from_numpy, self.predictions(split, predicted))
        found = score("regression", len(self.scale.mean), values, labels)
        return {name + ORIGINAL: value for name, value in found.items()}

    def describe(self) -> dict[str, Any]:
        """Return the map and how many targets of each split were clipped, for result.json."""
        low, high = self.scale.rules.clip or (-np.inf, np.inf)
        clipped = {s: int(((v < low) | (v > high)).sum()) for s, v in self.original.items()}
        return {**self.scale.describe(), "clipped": clipped}


def scale_targets(
    rules: TargetRules, tables: dict[str, SequenceTable]
) -> tuple[dict[str, SequenceTable], Targets | None]:
    """Return the splits with their targets as they are trained; as they are without rules.

    Args:
        rules: What is done.
        tables: The splits; mean and spread come from `train`.

    Raises:
        InputError: If a target has no logarithm, or is the same in all training rows.
    """
    if not rules:
        return tables, None
    scale = TargetScale.fit(rules, tables["train"])
    original = {split: np.asarray(t.labels, np.float64) for split, t in tables.items()}
    return {s: scale.apply(t) for s, t in tables.items()}, Targets(scale, original)


def _steps(rules: TargetRules, table: SequenceTable) -> Array:
    """Return the targets clipped and as logarithms, shaped as they were."""
    values = np.asarray(table.labels, np.float64)
    if rules.clip is not None:
        values = values.clip(*rules.clip)
    if not rules.logarithm:
        return values
    wrong = np.argwhere(values <= 0)
    if len(wrong):
        raise InputError(
            f"{table.place(int(wrong[0][0]))}: target {values[tuple(wrong[0])]} has no logarithm; "
            "clip it with task.clip_targets, leave the row out, or set task.log_targets=false"
        )
    return np.log(values)

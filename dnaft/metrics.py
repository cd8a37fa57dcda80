"""Scores over a whole split, from torchmetrics, equal to scikit-learn's and SciPy's.

One torchmetrics class holds the rows of the split and joins those of several processes; its
functions are handed float64 probabilities. Given logits they would apply a sigmoid only if they
saw values outside [0, 1], so that the same logits could be read in two ways.

What a split or an output can leave undefined:

- areas (`auroc`, `auprc`) need both classes, else they are nan;
- `mcc` is 0 where its denominator is 0, and `f1_macro` leaves out classes found neither in the
  labels nor in the predictions, both as in scikit-learn;
- correlations are nan where one side does not vary, `r2` where the labels do not; the mean over
  several targets is then nan too;
- a class (areas of multi-class tasks) or a label (all multi-label scores) that has one value only
  in the split is left out of the mean; `n_labels_scored` counts the labels that remain;
- `f1_macro` of multi-label tasks is the mean over labels of the F1 of label 1, as in scikit-learn;
- every score is nan without rows and as soon as one prediction is not finite.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.utilities import dim_zero_cat

from dnaft import scores as formulas

Kind = Literal["binary", "multiclass", "multilabel", "regression"]

THRESHOLD = 0.5  # a probability above it, that is a logit above 0, is a positive decision

_AREAS: dict[str, Callable[[Tensor, Tensor], float]] = {
    "auroc": formulas.auroc,
    "auprc": formulas.auprc,
}
_DECISIONS: dict[str, Callable[[Tensor], float]] = {
    "mcc": formulas.mcc,
    "accuracy": formulas.accuracy,
    "f1_macro": formulas.f1_macro,
}
_VALUES: dict[str, Callable[[Tensor, Tensor], float]] = {
    "r2": formulas.r2,
    "pearson_r2": lambda predicted, labels: formulas.pearson(predicted, labels) ** 2,
    "spearman": formulas.spearman,
}
_CLASSIFICATION = ("mcc", "auroc", "auprc", "accuracy", "f1_macro")
_NAMES: dict[str, tuple[str, ...]] = {
    "binary": _CLASSIFICATION,
    "multiclass": _CLASSIFICATION,
    "multilabel": (*_CLASSIFICATION, "n_labels_scored"),
    "regression": tuple(_VALUES),
}


def metric_names(kind: Kind) -> tuple[str, ...]:
    """Return the names of the scores of a kind of task, the keys of `build_metrics`."""
    return _NAMES[kind]


def default_metric(kind: Kind) -> str:
    """Return the score that chooses the checkpoint, where a task names none.

    Raises:
        ValueError: If `kind` is unknown.
    """
    _check_kind(kind)
    return {"multilabel": "auroc", "regression": "r2"}.get(kind, "mcc")


def build_metrics(kind: Kind, outputs: int, joined: bool = True) -> MetricCollection:
    """Return the scores of a kind of task; they take logits and labels, batch by batch.

    Args:
        kind: Kind of the task.
        outputs: Classes, labels or targets; 1 for binary tasks.
        joined: Score the rows of all processes, where there are several, instead of one's own.

    Raises:
        ValueError: If `kind` is unknown or `outputs` does not fit it.
    """
    _check_kind(kind)
    if kind == "binary" and outputs != 1:
        raise ValueError(f"a binary task has 1 output, got {outputs}; use kind multiclass")
    least = 2 if kind == "multiclass" else 1
    if outputs < least:
        raise ValueError(f"outputs of a {kind} task must be {least} or more, got {outputs}")
    names = list(_NAMES[kind])
    # One group: the rows are kept once, not once a score.
    return MetricCollection(
        {name: SplitScore(kind, name, outputs, joined) for name in names}, compute_groups=[names]
    )


def to_scores(kind: Kind, logits: Tensor) -> Tensor:
    """Return what the scores are computed from, as float64 on the CPU.

    Args:
        kind: Kind of the task.
        logits: (rows,) or (rows, outputs).

    Returns:
        Probabilities: of label 1, (rows,), for binary tasks; of each class, (rows, classes),
        summing to 1; of each label, as `logits`. Values, as `logits`, for regression.

    Raises:
        ValueError: If `kind` is unknown.
    """
    _check_kind(kind)
    values = logits.detach().cpu().double()
    if kind == "binary":
        return values.reshape(-1).sigmoid()
    if kind == "multiclass":
        return values.softmax(dim=-1)
    return values.sigmoid() if kind == "multilabel" else values


def to_floats(scores: Mapping[str, Tensor]) -> dict[str, float]:
    """Return what `MetricCollection.compute` returns as plain numbers."""
    return {name: float(score) for name, score in scores.items()}


def score(kind: Kind, outputs: int, logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Return all scores of a split from its logits and labels, in one process."""
    metrics = build_metrics(kind, outputs, joined=False)
    metrics.update(logits, labels)
    return to_floats(metrics.compute())


class SplitScore(Metric):
    """One score over all rows handed in since the last reset.

    Args:
        kind: Kind of the task.
        name: Name of the score.
        outputs: Classes, labels or targets; 1 for binary tasks.
        joined: See `build_metrics`.
    """

    full_state_update = False
    higher_is_better = True
    is_differentiable = False
    logits: list[Tensor]
    labels: list[Tensor]

    def __init__(self, kind: Kind, name: str, outputs: int, joined: bool = True) -> None:
        super().__init__(sync_on_compute=joined)
        self.kind = kind
        self.name = name
        self.outputs = outputs
        self.add_state("logits", default=[], dist_reduce_fx="cat")
        self.add_state("labels", default=[], dist_reduce_fx="cat")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Keep the rows of one batch.

        Args:
            logits: (rows, outputs), or (rows,) if there is one output.
            labels: (rows,) for binary and multi-class tasks, else shaped like `logits`.

        Raises:
            ValueError: If the shapes do not fit each other or `outputs`.
        """
        rows = logits.shape[0]
        width = 1 if self.kind == "multiclass" else self.outputs
        if logits.numel() != rows * self.outputs or labels.numel() != rows * width:
            raise ValueError(
                f"{self.kind} scores with {self.outputs} outputs: logits of shape "
                f"{tuple(logits.shape)} do not fit labels of shape {tuple(labels.shape)}"
            )
        # Half precision is widened without loss; float64 comes from the baselines.
        kept = logits.detach() if logits.dtype == torch.float64 else logits.detach().float()
        self.logits.append(kept.reshape(rows, self.outputs))
        self.labels.append(labels.detach().reshape(rows, width))

    def compute(self) -> Tensor:
        """Return the score, a float64 scalar on the CPU; nan without rows."""
        if isinstance(self.logits, list) and not self.logits:
            return torch.tensor(formulas.NAN, dtype=torch.float64)
        logits, labels = _joined(self.logits).cpu(), _joined(self.labels).cpu()
        self._check_labels(labels)
        value = formulas.NAN
        if len(logits) > 0 and bool(logits.isfinite().all()):
            value = _score(self.kind, self.name, logits, labels)
        return torch.tensor(value, dtype=torch.float64)

    def _check_labels(self, labels: Tensor) -> None:
        if self.kind == "regression":
            fits, wanted = bool(labels.isfinite().all()), "finite"
        else:
            classes = self.outputs if self.kind == "multiclass" else 2
            fits, wanted = bool(((labels >= 0) & (labels < classes)).all()), f"0..{classes - 1}"
            fits = fits and bool((labels == labels.round()).all())
        if not fits:
            raise ValueError(f"labels of a {self.kind} task must be {wanted}")


def _joined(parts: list[Tensor] | Tensor) -> Tensor:
    """Join batches; one batch, such as a whole split, is not copied."""
    if isinstance(parts, list) and len(parts) == 1:
        return parts[0]
    joined: Tensor = dim_zero_cat(parts)
    return joined


def _check_kind(kind: str) -> None:
    if kind not in _NAMES:
        raise ValueError(f"kind of task must be one of {', '.join(_NAMES)}, got {kind!r}")


def _score(kind: Kind, name: str, logits: Tensor, labels: Tensor) -> float:
    """Return one score of a split; logits (rows, outputs), labels (rows, outputs or 1), on CPU."""
    if kind == "binary":
        return _binary(name, to_scores(kind, logits), labels[:, 0] == 1)
    if kind == "multiclass":
        probabilities, classes = to_scores(kind, logits), labels[:, 0].long()
        if name in _DECISIONS:
            chosen = probabilities.argmax(dim=1)
            return _DECISIONS[name](formulas.confusion(chosen, classes, logits.shape[1]))
        areas = [_AREAS[name](p, classes == c) for c, p in enumerate(probabilities.T)]
        return formulas.mean([area for area in areas if not math.isnan(area)])
    if kind == "regression":
        pairs = zip(logits.double().T, labels.double().T, strict=True)
        return formulas.mean([_VALUES[name](predicted, label) for predicted, label in pairs])
    positive = labels == 1
    scored = [j for j, column in enumerate(positive.T) if 0 < int(column.sum()) < len(column)]
    if name == "n_labels_scored":
        return float(len(scored))
    # Label by label: a float64 copy of DeepSEA's test split would take 3.3 GB.
    return formulas.mean(
        [_binary(name, to_scores(kind, logits[:, j]), positive[:, j], kind) for j in scored]
    )


def _binary(name: str, probability: Tensor, positive: Tensor, kind: Kind = "binary") -> float:
    if name in _AREAS:
        return _AREAS[name](probability, positive)
    matrix = formulas.confusion(probability > THRESHOLD, positive, 2)
    if name == "f1_macro" and kind == "multilabel":  # the mean runs over labels, not their sides
        return float(formulas.f1_by_class(matrix)[1])
    return _DECISIONS[name](matrix)

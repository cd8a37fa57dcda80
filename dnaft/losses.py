"""The loss of each kind of task, and what makes it heed rare classes and doubtful labels."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from dnaft.metrics import Kind

BALANCED: Literal["balanced"] = "balanced"


def task_loss(
    kind: Kind, logits: Float[Tensor, "batch outputs"], labels: Shaped[Tensor, "batch ..."]
) -> Float[Tensor, ""]:
    """Return the mean loss of a batch, computed in float32.

    Binary and multi-label: cross-entropy of independent logits; multi-class: cross-entropy of the
    softmax; regression: mean squared error.

    Args:
        kind: Kind of the task.
        logits: Outputs of the head.
        labels: As in `dnaft.batch.Batch`.
    """
    logits = logits.float()
    if kind == "multiclass":
        return functional.cross_entropy(logits, labels.long())
    labels = labels.float().reshape(logits.shape)
    if kind == "regression":
        return functional.mse_loss(logits, labels)
    return functional.binary_cross_entropy_with_logits(logits, labels)


class TaskLoss(nn.Module):
    """The loss of a task, on request weighted by class, focal, and with smoothed labels.

    With classes c, their weights w, probabilities p, gamma = `focal_gamma` and s =
    `label_smoothing`, a row of class y has the loss

        sum over c of w_c q_c (1 - p_c)^gamma (-log p_c),    q_c = (1 - s) [c = y] + s / classes.

    gamma is that of the focal loss, Eq. (4) of Lin et al. 2017 (arXiv:1708.02002), where 2 served
    best; s that of Szegedy et al. 2016 (arXiv:1512.00567, Section 7). Binary labels are two
    classes, and each label of a multi-label task is a pair of them.

    Binary and multi-class: a batch has the sum over its rows divided by the sum of their w_y, so
    that weights change which rows count and not how large a step is, as in torch's
    `cross_entropy`. Multi-label: w is 1 for label 0 and the label's own for label 1, and a batch
    has the mean over rows and labels, torch's `pos_weight`.

    Args:
        kind: Kind of the task.
        class_weights: (classes,), two for binary tasks; (labels,) for multi-label ones; None for
            all alike.
        focal_gamma: 0 counts easy and hard rows alike; the higher, the less count rows whose
            class has a high probability already.
        label_smoothing: Share of each label that is spread over all classes.
    """

    pair_weights: Tensor | None

    def __init__(
        self,
        kind: Kind,
        class_weights: Float[Tensor, " classes"] | None = None,
        focal_gamma: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.kind: Kind = kind
        self.class_weights = None if class_weights is None else class_weights.tolist()
        self.focal_gamma = focal_gamma
        self.label_smoothing = label_smoothing
        weights = None if class_weights is None else class_weights.float().reshape(1, -1)
        if weights is not None and kind == "multilabel":
            weights = torch.stack([torch.ones_like(weights[0]), weights[0]], dim=1)
        # Left out of checkpoints: they follow from the configuration and the training rows.
        self.register_buffer("pair_weights", weights, persistent=False)

    @property
    def is_plain(self) -> bool:
        """Whether it is `task_loss`."""
        altered = self.focal_gamma != 0 or self.label_smoothing != 0
        return self.class_weights is None and not altered

    def forward(
        self, logits: Float[Tensor, "batch outputs"], labels: Shaped[Tensor, "batch ..."]
    ) -> Float[Tensor, ""]:
        """Return the loss of a batch, computed in float32; arguments as of `task_loss`."""
        if self.is_plain:
            return task_loss(self.kind, logits, labels)
        log_p = self._log_probabilities(logits.float())
        targets = self._one_hot(labels, log_p)
        if self.label_smoothing:
            share = self.label_smoothing
            targets = (1 - share) * targets + share / targets.shape[-1]
        terms = -targets * log_p
        if self.focal_gamma:
            # Below 0 by a little, so that the slope of a power under 1 stays finite at p = 1.
            below = log_p.clamp(max=-torch.finfo(log_p.dtype).eps)
            terms = terms * (-torch.expm1(below)) ** self.focal_gamma
        if self.pair_weights is not None:
            terms = terms * self.pair_weights
        return terms.sum() / self.count(labels)

    def count(self, labels: Shaped[Tensor, "batch ..."]) -> Float[Tensor, ""]:
        """Return what the sum over a batch is divided by: its weight among other batches."""
        if self.pair_weights is None or self.kind == "multilabel":
            return torch.tensor(float(labels.numel()), device=labels.device)
        return self.pair_weights[0][labels.long()].sum()

    def _log_probabilities(self, logits: Tensor) -> Float[Tensor, "batch labels classes"]:
        if self.kind == "multiclass":
            return functional.log_softmax(logits, dim=-1).unsqueeze(1)
        log_p = [functional.logsigmoid(-logits), functional.logsigmoid(logits)]
        return torch.stack(log_p, dim=-1)

    def _one_hot(self, labels: Tensor, log_p: Tensor) -> Float[Tensor, "batch labels classes"]:
        classes = labels.long().reshape(log_p.shape[:2])
        return functional.one_hot(classes, log_p.shape[2]).to(log_p.dtype)


@dataclass(frozen=True)
class CountedLabels:
    """What weights need to know of the labels of a multi-label task, without the labels.

    Attributes:
        rows: Rows.
        positives: Rows with label 1, for each label.
    """

    rows: int
    positives: tuple[int, ...]


@dataclass(frozen=True)
class LossSettings:
    """How a task's loss is altered for rare classes and small data; by default not at all.

    Attributes:
        class_weights: Weight of each class, two for binary tasks; of a multi-label task, of the
            label 1 of each label against its label 0. `balanced` takes them from the training
            rows, see `balanced_weights`. None for all alike.
        focal_gamma: See `TaskLoss`.
        label_smoothing: See `TaskLoss`.

    Raises:
        ValueError: If a number lies outside its domain.
    """

    class_weights: Literal["balanced"] | tuple[float, ...] | None = None
    focal_gamma: float = 0.0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if isinstance(self.class_weights, tuple) and not all(
            weight > 0 and math.isfinite(weight) for weight in self.class_weights
        ):
            raise ValueError(
                f"class_weights must be finite and above 0, got {list(self.class_weights)}"
            )
        if not (self.focal_gamma >= 0 and math.isfinite(self.focal_gamma)):
            raise ValueError(f"focal_gamma must be 0 or more, got {self.focal_gamma}")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must lie in [0, 1), got {self.label_smoothing}")

    def build(self, kind: Kind, outputs: int, train_labels: Any) -> TaskLoss:
        """Return the loss of a task.

        Args:
            kind: Kind of the task.
            outputs: Classes, labels or targets; 1 for binary tasks.
            train_labels: Those of all training rows, (rows,) or (rows, labels), an array or a
                tensor; or a `CountedLabels`.

        Raises:
            ValueError: If the task is a regression and something is asked for that only classes
                have, or there are more or fewer weights than classes or labels.
        """
        if kind == "regression" and self != LossSettings():
            raise ValueError(
                "class_weights, focal_gamma and label_smoothing are for classes, and the task is "
                "a regression (task.kind); leave them as they are"
            )
        weights = None
        if self.class_weights == BALANCED:
            if not isinstance(train_labels, CountedLabels):
                train_labels = torch.as_tensor(train_labels)
            weights = balanced_weights(kind, outputs, train_labels)
        elif self.class_weights is not None:
            needed = 2 if kind == "binary" else outputs
            what = "labels" if kind == "multilabel" else "classes"
            if len(self.class_weights) != needed:
                raise ValueError(
                    f"class_weights has {len(self.class_weights)} numbers and the task {needed} "
                    f"{what}; give one for each, or balanced"
                )
            weights = torch.tensor(self.class_weights, dtype=torch.float64)
        return TaskLoss(kind, weights, self.focal_gamma, self.label_smoothing)


def balanced_weights(
    kind: Kind, outputs: int, labels: Tensor | CountedLabels
) -> Float[Tensor, " classes"]:
    """Return weights that give all classes the same say, in float64.

    Binary and multi-class: rows / (classes * rows of the class), scikit-learn's "balanced" (King &
    Zeng 2001). Multi-label: for each label, rows with 0 / rows with 1; 1 where it has one value
    only, as there is nothing to balance.

    Args:
        kind: Kind of the task, not a regression.
        outputs: Classes or labels; 1 for binary tasks.
        labels: (rows,) or (rows, labels), each class occurs; or, of a multi-label task, counts.
    """
    if isinstance(labels, CountedLabels):
        ones = torch.tensor(labels.positives, dtype=torch.float64)
        return _negatives_per_positive(ones, labels.rows)
    if kind == "multilabel":
        return _negatives_per_positive((labels == 1).sum(dim=0).double(), len(labels))
    classes = 2 if kind == "binary" else outputs
    counts = torch.bincount(labels.long(), minlength=classes).double()
    return len(labels) / (classes * counts)


def _negatives_per_positive(ones: Tensor, rows: int) -> Float[Tensor, " labels"]:
    zeros = rows - ones
    return torch.where((ones > 0) & (zeros > 0), zeros / ones.clamp(min=1), 1.0)

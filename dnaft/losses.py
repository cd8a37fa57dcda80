"""The loss of each kind of task."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from dnaft.metrics import Kind


def task_loss(
    kind: Kind, logits: Float[Tensor, "batch outputs"], labels: Float[Tensor, "batch ..."]
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

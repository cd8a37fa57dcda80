"""What a data loader hands to the model."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Padded sequences with their labels.

    Attributes:
        input_ids: Token ids, (batch, tokens), int64.
        attention_mask: 1 at tokens, 0 at padding, (batch, tokens), int64.
        labels: (batch,) int64 classes for multi-class tasks; (batch,) float32 for binary tasks
            (0 or 1) and for a single regression target; (batch, outputs) float32 otherwise.
    """

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor

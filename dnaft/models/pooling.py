"""From one vector a token to one vector a sequence."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

Pooling = Literal["first", "mean", "last"]


def pool(
    hidden: Float[Tensor, "batch tokens hidden"], mask: Int[Tensor, "batch tokens"], how: Pooling
) -> Float[Tensor, "batch hidden"]:
    """Pool hidden states over the real tokens, wherever the padding lies.

    Args:
        hidden: Hidden states of the last layer.
        mask: 1 at tokens, 0 at padding.
        how: "first" takes the first real token ([CLS] of encoders), "last" the last real one (the
            only one of a decoder that has seen the whole sequence), "mean" the average of all.
    """
    if how == "mean":
        weights = mask.to(hidden.dtype).unsqueeze(-1)
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
    positions = torch.arange(mask.shape[1], device=mask.device)
    if how == "first":
        index = torch.where(mask.bool(), positions, mask.shape[1] - 1).amin(dim=1)
    else:
        index = torch.where(mask.bool(), positions, 0).amax(dim=1)
    return hidden[torch.arange(hidden.shape[0], device=hidden.device), index]

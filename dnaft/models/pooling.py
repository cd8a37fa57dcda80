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


def pool_rows(
    hidden: Float[Tensor, "windows tokens hidden"],
    mask: Int[Tensor, "windows tokens"],
    windows: Int[Tensor, " rows"] | None,
    how: Pooling,
) -> Float[Tensor, "rows hidden"]:
    """Pool each window, then average those of a row.

    Args:
        hidden: Hidden states of the last layer.
        mask: 1 at tokens, 0 at padding.
        windows: How many windows each row has; None if each has one.
        how: See `pool` and `average_windows`.
    """
    pooled = pool(hidden, mask, how)
    return pooled if windows is None else average_windows(pooled, mask, windows, how)


def average_windows(
    pooled: Float[Tensor, "windows hidden"],
    mask: Int[Tensor, "windows tokens"],
    windows: Int[Tensor, " rows"],
    how: Pooling,
) -> Float[Tensor, "rows hidden"]:
    """Average the vectors of the windows that each row was read in.

    Under "mean" a window counts by its tokens, so the result is the mean over all tokens of all
    windows of the row; where windows overlap, tokens of the overlap count in each of them. Under
    "first" and "last" all windows of a row count alike.

    Args:
        pooled: What `pool` returned for the windows, those of a row one below the other.
        mask: 1 at tokens, 0 at padding.
        windows: How many windows each row has, 1 or more; their sum is the number of windows.
        how: How each window was pooled.
    """
    row = torch.repeat_interleave(windows, output_size=len(pooled))
    tokens = mask.sum(dim=1) if how == "mean" else torch.ones_like(row)
    # A product with the shares instead of index_add, whose order of sums changes on a GPU.
    shares = pooled.new_zeros(len(windows), len(pooled))
    shares[row, torch.arange(len(pooled), device=row.device)] = tokens.to(pooled.dtype)
    shares = shares / shares.sum(dim=1, keepdim=True)
    with torch.autocast(pooled.device.type, enabled=False):
        return shares @ pooled

"""Attention over heads, as transformers' `attn_implementation` asks: sdpa or eager."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

# Tokens of a row below which, in bfloat16 on a processor, the formula is faster than torch's own
# attention, whose backward pass then takes up to four times as long (docs/scale.md).
_SHORT = 256


def split_heads(
    x: Float[Tensor, "batch tokens hidden"], heads: int
) -> Float[Tensor, "batch heads tokens size"]:
    """Give each head its part of the width."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def written_out(q: Tensor, k: Tensor) -> bool:
    """Whether the formula is faster than torch's own attention of these queries and keys."""
    return q.dtype == torch.bfloat16 and q.device.type == "cpu" and k.shape[-2] < _SHORT


def attend(
    q: Float[Tensor, "batch heads tokens size"],
    k: Float[Tensor, "batch heads tokens size"],
    v: Float[Tensor, "batch heads tokens size"],
    mask: Tensor | None,
    dropout: float,
    implementation: str | None,
    scale: float | None = None,
) -> Float[Tensor, "batch tokens hidden"]:
    """Return softmax(q k^T / sqrt(size)) v of all heads, side by side.

    Args:
        q: Queries.
        k: Keys.
        v: Values.
        mask: What of the scores counts, (batch or 1, heads or 1, tokens or 1, tokens): true where
            a key may be seen, or numbers to add.
        dropout: Of the attention weights.
        implementation: "eager" writes the formula out, anything else calls torch's own, but for
            short rows in bfloat16 on a processor.
        scale: Of the scores; None for 1 / sqrt(size).
    """
    if implementation == "eager" or written_out(q, k):
        scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
        if mask is not None and mask.dtype == torch.bool:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        elif mask is not None:
            scores = scores + mask
        mixed = nn.functional.dropout(scores.softmax(dim=-1), dropout) @ v
    else:
        # Under autocast the scores take the projections' type, not the mask's.
        given = mask if mask is None or mask.dtype == torch.bool else mask.to(q.dtype)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, given, dropout, scale=scale)
    return mixed.transpose(1, 2).flatten(2)

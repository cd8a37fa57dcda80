"""Attention of transformers' models: torch's own, or written out where that is faster."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from dnaft.models.native.attention import attend, written_out

# With "sdpa" in its name transformers asks a model whether it can be computed so.
_NAME = "sdpa_dnaft"


def implementation(attention: str) -> str:
    """Return what transformers calls an attention of ours.

    Args:
        attention: `model.attention`: sdpa or eager.
    """
    if attention != "sdpa":
        return attention
    _register()
    return _NAME


@cache
def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(_NAME, _forward)
    AttentionMaskInterface.register(_NAME, sdpa_mask)


def _forward(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **further: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend as transformers' models ask.

    Heads come as the second dimension, (batch, heads, tokens, size), and go as the third.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    # What the formula here does not know: keys that several heads share, and biases of positions.
    plain = query.shape == key.shape and further.get("position_bias") is None
    if not (plain and written_out(query, key)):
        mixed, weights = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **further
        )
        return mixed, weights
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    mask = attention_mask
    if mask is None and causal:
        tokens = query.shape[-2]
        mask = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril()[None, None]
    mixed = attend(query, key, value, mask, dropout, "eager", scaling)
    return mixed.unflatten(-1, (query.shape[1], -1)), None

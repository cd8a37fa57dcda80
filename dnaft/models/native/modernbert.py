"""ModernBERT with q, k and v as three maps, so that each can have its own adapter.

Warner et al. 2024 (arXiv:2412.13663). Everything but the form of `Wqkv` is transformers' own; the
stored matrix is q, k and v on top of each other.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import ModernBertConfig, ModernBertModel
from transformers.models.modernbert.modeling_modernbert import ModernBertAttention

from dnaft.models.native.split_linear import SplitLinear


class SplitModernBertConfig(ModernBertConfig):
    """Shape of a ModernBERT; the fields are transformers'."""

    model_type = "modernbert_split"


class JoinedLinear(SplitLinear):
    """Linear maps of one input with one output, theirs side by side."""

    def forward(self, x: Float[Tensor, "... d_in"]) -> Float[Tensor, "... d_out"]:  # type: ignore[override]
        """Return the outputs of all parts, in order, as the stored matrix would."""
        return torch.cat(super().forward(x), dim=-1)


class SplitModernBertModel(ModernBertModel):
    """The encoder.

    Args:
        config: Its shape.
    """

    config_class = SplitModernBertConfig

    def __init__(self, config: SplitModernBertConfig) -> None:
        super().__init__(config)
        layers: Any = self.layers
        for layer in layers:
            layer.attn.add_module("Wqkv", _split(layer.attn.Wqkv))

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        wqkv: Any = getattr(module, "Wqkv", None)
        if isinstance(module, ModernBertAttention) and isinstance(wqkv, JoinedLinear):
            for part in wqkv.parts:
                module.add_module("Wqkv", wqkv.get_submodule(part))
                super()._init_weights(module)
            module.add_module("Wqkv", wqkv)
            return
        super()._init_weights(module)


def _split(fused: nn.Linear) -> JoinedLinear:
    """Return the same maps, with the same weights, as three."""
    bias = fused.bias is not None
    joined = JoinedLinear(fused.in_features, fused.out_features // 3, ("q", "k", "v"), bias)
    joined.load_state_dict(fused.state_dict())
    return joined

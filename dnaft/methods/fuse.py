"""PEFT's adapted matrices in one operation; what is saved, merged or loaded stays PEFT's."""

from typing import Any, NamedTuple

import torch
from peft.tuners.adalora.layer import SVDLinear
from peft.tuners.lora.layer import Linear as LoraLinear
from peft.tuners.lora.variants import DoraLinearVariant
from torch import Tensor, nn
from torch.nn import Parameter

from dnaft.dropout import drawing_of
from dnaft.methods.adapt import ADAPTER
from dnaft.methods.adapted_linear import adapted_linear
from dnaft.methods.triplets import PARTS, update_scale
from dnaft.models.backbone import Backbone


def fuse_adapters(backbone: Backbone) -> int:
    """Let LoRA, DoRA and SVD adapters of `nn.Linear` compute in one operation.

    The outputs and gradients are those of PEFT up to rounding, but for DoRA with dropout: here only
    the input of A is dropped, as in LoRA. PEFT writes W x + (m/n - 1) W x + (m/n) s B A x, n the
    norms, and also drops the input of the second term, which has the same mean, more noise and
    twice the products with W. Parameters, their names and what PEFT does with a layer otherwise
    stay. A layer goes back to PEFT's way by itself while it is
    merged or disabled, and where its matrix trains or is no plain one.

    Args:
        backbone: A backbone with an adapter, or without one.

    Returns:
        How many layers changed.
    """
    changed = 0
    module: Any
    for module in backbone.modules():
        kind = _FUSED.get(type(module))
        if kind is not None and type(module.get_base_layer()) is nn.Linear:
            module.__class__ = kind
            changed += 1
    return changed


class FusedLoraLinear(LoraLinear):
    """LoRA's and DoRA's layer of PEFT, computed in one operation where that is possible."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return W x + s B A x, or with a magnitude DoRA's form of it."""
        variant = self.lora_variant.get(ADAPTER)
        known = variant is None or isinstance(variant, DoraLinearVariant)
        if args or kwargs or not known or self.lora_bias[ADAPTER] or not _is_plain(self):
            return super().forward(x, *args, **kwargs)
        layer: Any = self  # the parameters of PEFT's dictionaries have no types
        right, left = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
        scale = float(self.scaling[ADAPTER])
        magnitude = None
        if variant is not None:
            with torch.no_grad():
                # The norm counts as a constant: DoRA, Section 4.3.
                updated = layer.get_base_layer().weight + scale * (left @ right)
                norm = updated.to(left.dtype).norm(dim=1)
            magnitude = layer.lora_magnitude_vector[ADAPTER].weight / norm
        return _compute(self, x, right, left, scale, magnitude)


class FusedSvdLinear(SVDLinear):
    """AdaLoRA's layer of PEFT, computed in one operation where that is possible."""

    _scale: float | None = None

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Return W x + s P diag(lambda) Q x."""
        if args or kwargs or not _is_plain(self):
            return super().forward(x, *args, **kwargs)
        if self._scale is None:
            # Read once: it is a tensor, of which a GPU would have to be asked in each step.
            self._scale = update_scale(self)
        layer: Any = self
        right = layer.lora_A[ADAPTER] * layer.lora_E[ADAPTER]
        return _compute(self, x, right, layer.lora_B[ADAPTER], self._scale)


_FUSED: dict[type[nn.Module], type[nn.Module]] = {
    LoraLinear: FusedLoraLinear,
    SVDLinear: FusedSvdLinear,
}


def _compute(
    layer: Any,
    x: Tensor,
    right: Tensor,
    left: Tensor,
    scale: float,
    magnitude: Tensor | None = None,
) -> Tensor:
    """Return the output in the dtype that the frozen matrix alone would give."""
    base = layer.get_base_layer()
    dtype = computing_dtype(x, base.weight)
    # Adapters may be kept wider than the frozen matrix; they are narrowed, as autocast does.
    bias = None if base.bias is None else base.bias.to(dtype)
    matrices = base.weight.to(dtype), bias, right.to(dtype), left.to(dtype)
    dropout = layer.lora_dropout[ADAPTER]
    p = float(dropout.p) if isinstance(dropout, nn.Dropout) and dropout.training else 0.0
    return adapted_linear(x.to(dtype), *matrices, scale, p, magnitude, drawing_of(dropout))


def computing_dtype(x: Tensor, weight: Tensor) -> torch.dtype:
    """Return the dtype in which a matrix multiplies its input: its own, or that of autocast."""
    device = x.device.type
    mixed = torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if mixed else weight.dtype


class AdapterParts(NamedTuple):
    """What a fused layer adds to its frozen matrix, W x + s B diag(lambda) A x.

    Attributes:
        right: A, (rank, d_in).
        values: lambda, (rank, 1); None for LoRA.
        left: B, (d_out, rank).
        scale: s.
        dropout: The module that drops inputs of A.
        is_plain: Whether the layer computes just that.
    """

    right: Parameter
    values: Parameter | None
    left: Parameter
    scale: float
    dropout: nn.Module
    is_plain: bool


def adapter_parts(layer: Any) -> AdapterParts:
    """Return what a `FusedLoraLinear` or `FusedSvdLinear` consists of beside its matrix."""
    dropout = layer.lora_dropout[ADAPTER]
    if isinstance(layer, FusedSvdLinear):
        right, values, left = (getattr(layer, part)[ADAPTER] for part in reversed(PARTS))
        return AdapterParts(right, values, left, update_scale(layer), dropout, _is_plain(layer))
    right, left = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    is_plain = (
        layer.lora_variant.get(ADAPTER) is None
        and not layer.lora_bias[ADAPTER]
        and _is_plain(layer)
    )
    return AdapterParts(right, None, left, float(layer.scaling[ADAPTER]), dropout, is_plain)


def _is_plain(layer: Any) -> bool:
    """Whether a layer computes nothing but its frozen matrix and its one adapter."""
    base = layer.get_base_layer()
    bias_trains = base.bias is not None and base.bias.requires_grad
    return not (
        layer.disable_adapters
        or layer.merged
        or layer.fan_in_fan_out
        or list(layer.active_adapters) != [ADAPTER]
        or base.weight.requires_grad
        or bias_trains
    )

"""Find the singular triplets in a model; the one place that knows PEFT's names for them."""

from typing import Any

import torch
from peft.tuners.adalora.layer import AdaLoraLayer
from torch import nn

from dnaft.methods.adapt import ADAPTER
from dnaft.models.backbone import Backbone
from dnaft.ranks.triplet import TripletGroup

PARTS = ("lora_B", "lora_E", "lora_A")  # P, lambda, Q


def svd_layers(trunk: nn.Module) -> dict[str, Any]:
    """Return the layers that have an adapter in the form P diag(lambda) Q, by module name."""
    return {name: m for name, m in trunk.named_modules() if isinstance(m, AdaLoraLayer)}


def find_triplets(backbone: Backbone) -> list[TripletGroup]:
    """Return the triplets of every adapted matrix, by layer and role.

    The tensors are the parameters themselves: writing to them changes the model.

    Returns:
        One group a matrix, named "<layer>.<role>" with a two-digit layer; empty without SVD
        adapters.
    """
    layers = svd_layers(backbone.trunk)
    return [
        TripletGroup(f"{layer:02d}.{role}", *(getattr(layers[name], p)[ADAPTER] for p in PARTS))
        for name, (layer, role) in backbone.matrices.items()
        if name in layers
    ]


@torch.no_grad()
def update_scale(layer: Any) -> float:
    """Return what P diag(lambda) Q is multiplied with.

    PEFT divides by the rank at injection, whatever was pruned since, and adds 1e-5 to be safe from
    a rank of 0.
    """
    return float(layer.scaling[ADAPTER] / (layer.ranknum[ADAPTER].double() + 1e-5))

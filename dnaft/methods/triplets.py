"""Find the singular triplets in a model; the one place that knows PEFT's names for them."""

from typing import Any

from peft.tuners.adalora.layer import AdaLoraLayer

from dnaft.models.backbone import Backbone
from dnaft.ranks.triplet import TripletGroup

ADAPTER = "default"
_LEFT, _VALUES, _RIGHT = "lora_B", "lora_E", "lora_A"  # P, lambda, Q


def find_triplets(backbone: Backbone) -> list[TripletGroup]:
    """Return the triplets of every adapted matrix, by layer and role.

    The tensors are the parameters themselves: writing to them changes the model.

    Returns:
        One group a matrix, named "<layer>.<role>" with a two-digit layer; empty without SVD
        adapters.
    """
    modules: dict[str, Any] = dict(backbone.trunk.named_modules())
    groups = []
    for name, (layer, role) in backbone.matrices.items():
        module = modules[name]
        if isinstance(module, AdaLoraLayer):
            groups.append(
                TripletGroup(
                    name=f"{layer:02d}.{role}",
                    left=getattr(module, _LEFT)[ADAPTER],
                    values=getattr(module, _VALUES)[ADAPTER],
                    right=getattr(module, _RIGHT)[ADAPTER],
                )
            )
    return groups

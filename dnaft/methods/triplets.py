"""Find the singular triplets in a model; the one place that knows PEFT's names for them."""

from typing import Any

from peft.tuners.adalora.layer import AdaLoraLayer

from dnaft.models.backbone import Backbone
from dnaft.ranks.triplet import TripletGroup

ADAPTER = "default"


def find_triplets(backbone: Backbone) -> list[TripletGroup]:
    """Return the triplets of every adapted matrix, by layer and role.

    The tensors are the parameters themselves: writing to them changes the model.
    PEFT's names: lora_B is P, lora_E is lambda, lora_A is Q.

    Returns:
        One group a matrix, named "<layer>.<role>" with a two-digit layer; empty without SVD
        adapters.
    """
    modules = dict(backbone.trunk.named_modules())
    groups = []
    for name, (layer, role) in backbone.matrices.items():
        module: Any = modules[name]
        if isinstance(module, AdaLoraLayer):
            groups.append(
                TripletGroup(
                    name=f"{layer:02d}.{role}",
                    left=module.lora_B[ADAPTER],
                    values=module.lora_E[ADAPTER],
                    right=module.lora_A[ADAPTER],
                )
            )
    return groups

"""Which frozen matrices of a model several processes may part among them."""

from collections import Counter
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from dnaft.errors import InputError
from dnaft.models.backbone import Backbone


def find_parted(backbone: Backbone) -> list[tuple[nn.Module, set[nn.Parameter]]]:
    """Return each layer that has frozen matrices of its own, and what of it stays whole.

    Whole stay vectors, for they are small; what several layers share; and what belongs to an
    adapter, frozen or not, for one process alone saves it.

    Args:
        backbone: The model with its method.

    Raises:
        InputError: If there is none.
    """
    if not backbone.layer_names:
        raise InputError(
            f"trainer.strategy: fsdp parts layers, and {backbone.name} does not say which it has; "
            "take ddp"
        )
    places: Any = backbone.named_parameters(remove_duplicate=False)
    uses = Counter(id(parameter) for _, parameter in places)
    found = []
    for name in backbone.layer_names:
        layer = backbone.trunk.get_submodule(name)
        own = set(layer.parameters())
        of_base = own - _of_adapters(layer)
        parted = {p for p in of_base if not p.requires_grad and p.dim() > 1 and uses[id(p)] == 1}
        if parted:
            found.append((layer, own - parted))
    if not found:
        raise InputError(
            "trainer.strategy: fsdp parts frozen matrices, and this method trains those of all "
            "layers; take ddp, or a method with adapters"
        )
    return found


def _of_adapters(layer: nn.Module) -> set[nn.Parameter]:
    adapters: Any = (m for m in layer.modules() if isinstance(m, BaseTunerLayer))
    return {p for m in adapters for p in {*m.parameters()} - {*m.get_base_layer().parameters()}}

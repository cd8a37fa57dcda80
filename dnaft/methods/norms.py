"""The norms of the layers."""

from torch import nn

from dnaft.models.backbone import Backbone


def layer_norms(backbone: Backbone) -> list[str]:
    """Return the names of the norms in the layers: the modules whose weight is a vector."""
    found = []
    for layer in backbone.layer_names:
        for name, module in backbone.model.get_submodule(layer).named_modules():
            weight = getattr(module, "weight", None)
            if isinstance(weight, nn.Parameter) and weight.ndim == 1:
                found.append(f"{layer}.{name}")
    return found

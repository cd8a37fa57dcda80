"""How much of a model a method leaves as it is."""

from dnaft.methods.depth import find_depths
from dnaft.models.backbone import Backbone


def count_frozen_layers(backbone: Backbone) -> int:
    """Return how many layers, from the first on, lie below everything that trains.

    Args:
        backbone: A backbone with its method injected.

    Returns:
        `backbone.layers` if nothing but the head trains; 0 if something trains in the first layer
        or in front of it, if beside the head only what lies behind the last layer trains, under
        an adapter, or if the architecture does not say where its layers are.
    """
    if backbone.trunk is not backbone.model:
        return 0
    trained = [
        name
        for name, parameter in backbone.named_parameters()
        if parameter.requires_grad and not name.startswith("model.task_head.")
    ]
    if not trained:
        return backbone.layers
    if not backbone.layer_names:
        return 0
    first = f"model.{backbone.layer_names[0]}."
    if any(name.startswith(first) for name in trained):
        return 0
    depths = find_depths(backbone)
    lowest = min(depths.get(name, 0) for name in trained)
    return 0 if lowest > backbone.layers else max(lowest - 1, 0)

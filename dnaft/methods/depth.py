"""How deep each parameter lies: in front of the layers, in one of them, or behind."""

from collections.abc import Callable
from typing import Any

from torch import nn

from dnaft.methods.trial import send_row
from dnaft.models.backbone import Backbone


def find_depths(backbone: Backbone) -> dict[str, int]:
    """Return how deep the parameters of the backbone lie, by their name in it.

    Names alone do not tell: the last norm of one architecture is registered in front of its layers,
    and some have projections on either side. So one short input is sent through, and a module
    outside the layers lies in front if it runs before the first of them.

    Args:
        backbone: A backbone without an adapter.

    Returns:
        0 for what runs before the layers (the embeddings), 1 to `backbone.layers` for the layers,
        one more for what runs after them. The head, and parameters that the hidden states do not
        depend on, have no entry.

    Raises:
        ValueError: If the architecture does not say where its layers are.
    """
    if not backbone.layer_names:
        raise ValueError(
            f"{backbone.name} has no roles, so nothing says where its layers are; "
            "use method=full or method=linear_probe"
        )
    depths: dict[str, int] = {}
    for number, layer in enumerate(backbone.layer_names, start=1):
        for name, _ in backbone.model.get_submodule(layer).named_parameters():
            depths[f"model.{layer}.{name}"] = number
    depths |= _outside_the_layers(backbone)
    return depths


def rate_factors(backbone: Backbone, layer_decay: float) -> dict[str, float]:
    """Return factors of the learning rate that fall by `layer_decay` from layer to layer.

    Howard & Ruder 2018, arXiv:1801.06146, Section 3.2; Zhang et al. 2021, arXiv:2006.05987. The
    last layer, what lies behind it and the head learn at the full rate, the layer below
    `layer_decay` times as fast, and so on; the embeddings count as the layer below the first.

    Raises:
        ValueError: If the decay lies outside (0, 1], or the layers are not known.
    """
    if not 0 < layer_decay <= 1:
        raise ValueError(f"layer_decay must lie in (0, 1], got {layer_decay}")
    if layer_decay == 1:
        return {}
    top = backbone.layers
    return {name: layer_decay ** (top - min(d, top)) for name, d in find_depths(backbone).items()}


def _outside_the_layers(backbone: Backbone) -> dict[str, int]:
    """Send an input through and note what runs before the first layer and what after it."""
    inside = tuple(f"model.{layer}." for layer in backbone.layer_names)
    first = backbone.model.get_submodule(backbone.layer_names[0])
    depths: dict[str, int] = {}
    reached = 0

    def enter(*_: Any) -> None:
        nonlocal reached
        reached = backbone.layers + 1

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, *_: Any) -> None:
            for parameter, _value in module.named_parameters(recurse=False):
                depths.setdefault(f"{name}.{parameter}", reached)

        return hook

    hooks = [first.register_forward_pre_hook(enter)]
    for name, module in backbone.named_modules():
        if not name.startswith((*inside, "model.task_head")):
            hooks.append(module.register_forward_pre_hook(note(name)))
    try:
        send_row(backbone)
    finally:
        for handle in hooks:
            handle.remove()
    return depths

"""Frozen matrices that are kept as bfloat16 mixed precision would round them in every product."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.lora.layer import LoraLayer
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from dnaft.methods.trial import send_row
from dnaft.models.backbone import Backbone


class FrozenMatrices:
    """The frozen linear maps of a model, rounded to bfloat16 until they are put back.

    Under autocast a linear map rounds its matrix and bias in every forward pass. Kept rounded they
    give the same products, take half the memory, and nothing is rounded twice. Those stay as they
    are that train, that are used outside autocast or other than by a product with rows (DoRA's
    norms), and all that is no linear map: embeddings, norms, convolutions.

    Args:
        backbone: A backbone with its method, on its device.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._maps = _find(backbone)

    @property
    def bytes_saved(self) -> int:
        """What rounding saves while it lasts."""
        return sum(2 * p.numel() for layer in self._maps.values() for p in layer.parameters())

    @torch.no_grad()
    def round(self) -> None:
        """Keep them in bfloat16 from now on."""
        for layer in self._maps.values():
            for parameter in layer.parameters():
                parameter.data = parameter.data.bfloat16()

    @torch.no_grad()
    def restore(self, base: nn.Module) -> None:
        """Put the weights back that they were before.

        Args:
            base: The model without its method, as its source has it.
        """
        weights = dict(base.named_parameters())
        for name, layer in self._maps.items():
            for part, parameter in layer.named_parameters():
                before = weights[f"{name}.{part}"].data
                parameter.data = before.to(parameter.device, torch.float32)


def _find(backbone: Backbone) -> dict[str, nn.Linear]:
    """Return the maps that can be rounded, by their name in the model without its method."""
    maps: dict[str, nn.Linear] = {}
    callers: dict[str, nn.Module] = {}
    adapters: Any = (m for m in backbone.trunk.modules() if isinstance(m, BaseTunerLayer))
    adapted = {id(layer.get_base_layer()): layer for layer in adapters}
    for path, layer in backbone.trunk.named_modules():
        if type(layer) is not nn.Linear or path.startswith("task_head"):
            continue
        if any(p.requires_grad or p.dtype != torch.float32 for p in layer.parameters()):
            continue
        caller: Any = adapted.get(id(layer), layer)
        if isinstance(caller, LoraLayer) and any(caller.lora_variant.values()):
            continue
        name = path.replace(".base_layer", "")
        maps[name], callers[name] = layer, caller
    with _calls(callers) as called:
        device = next(backbone.parameters()).device.type
        with torch.autocast(device, torch.bfloat16):
            send_row(backbone)
    return {name: layer for name, layer in maps.items() if called.get(name)}


@contextmanager
def _calls(modules: dict[str, nn.Module]) -> Iterator[dict[str, bool]]:
    """Note, by name, of the modules that are called, whether that is always under autocast."""
    called: dict[str, bool] = {}
    hooks = []
    for name, module in modules.items():

        def note(_: nn.Module, args: tuple[Tensor, ...], name: str = name) -> None:
            called[name] = called.get(name, True) and torch.is_autocast_enabled(args[0].device.type)

        hooks.append(module.register_forward_pre_hook(note))
    try:
        yield called
    finally:
        for hook in hooks:
            hook.remove()

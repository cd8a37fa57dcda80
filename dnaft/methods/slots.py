"""The adapters of several runs over one frozen model: each acts on the rows of its own run."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.modules.batchnorm import _BatchNorm

from dnaft.methods.fuse import FusedLoraLinear, FusedSvdLinear, adapter_parts
from dnaft.methods.slot_layer import CannotShareError, SlotLayer
from dnaft.models.backbone import Backbone


class SlotTrunk:
    """A frozen model with room for the adapters of several runs.

    Args:
        backbone: A model with its adapter, on its device and in training mode. Its frozen tensors
            are shared, not copied.

    Raises:
        CannotShareError: If something else than LoRA or SVD adapters and the head trains, or a
            layer mixes the rows of a batch.
    """

    def __init__(self, backbone: Backbone) -> None:
        layers = _adapted_layers(backbone)
        frozen = {id(p): Parameter(p.data, False) for p in _frozen(backbone).values()}
        self._backbone = copy.deepcopy(backbone, frozen)
        for parameter in self._backbone.parameters():
            parameter.requires_grad_(False)
        self._frozen = _frozen(self._backbone, layers)
        self._layers: dict[str, SlotLayer] = {}
        for name, layer in layers.items():
            parent, _, child = name.rpartition(".")
            slot_layer = SlotLayer(self._backbone.trunk.get_submodule(name), layer)
            setattr(self._backbone.trunk.get_submodule(parent), child, slot_layer)
            self._layers[name] = slot_layer
        self._slots: list[Backbone] = []

    def admit(self, backbone: Backbone) -> None:
        """Let a model use the frozen tensors of this one, which must be the same numbers.

        Raises:
            CannotShareError: If it cannot be trained together with the others.
        """
        layers = _adapted_layers(backbone)
        if layers.keys() != self._layers.keys():
            raise CannotShareError("other matrices are adapted than in the runs beside it")
        if any(self._layers[name].kind is not type(layer) for name, layer in layers.items()):
            raise CannotShareError("its adapters are of another kind than those beside it")
        own = _frozen(backbone, layers)
        for name, shared in self._frozen.items():
            tensor = own.pop(name, None)
            if tensor is None or tensor.dtype != shared.dtype or not _equal(tensor, shared):
                raise CannotShareError(f"its frozen weights differ from those beside it ({name})")
            tensor.data = shared.data
        if own:
            raise CannotShareError(f"it has more frozen weights than those beside it ({min(own)})")

    def seat(self, backbones: Sequence[Backbone]) -> None:
        """Give each model a slot: the next pass has as many rows of each, in this order.

        Their adapters' parameters become parts of the tensors that hold those of all slots, so that
        a pass copies nothing.
        """
        same = len(backbones) == len(self._slots) and all(
            a is b for a, b in zip(backbones, self._slots, strict=True)
        )
        if same and all(layer.is_current() for layer in self._layers.values()):
            return
        self._slots = list(backbones)
        found = [_adapted_layers(backbone) for backbone in backbones]
        for name, layer in self._layers.items():
            layer.take([layers[name] for layers in found])

    def clear(self) -> None:
        """Let go of all models: one that ends is not to be kept in memory by the others."""
        self._slots = []

    def encode(self, ids: Tensor, mask: Tensor, types: Tensor | None) -> Tensor:
        """Return the last hidden states, (slots * rows, tokens, hidden), rows by slot.

        Raises:
            CannotShareError: If a layer is not handed one line a row.
        """
        for layer in self._layers.values():
            layer.lines = len(ids)
        return self._backbone.encode(ids, mask, types)

    def hand_out_gradients(self) -> None:
        """Add what a backward pass found to the gradients of each model's own parameters."""
        for layer in self._layers.values():
            layer.hand_out_gradients()


def _adapted_layers(backbone: Backbone) -> dict[str, Any]:
    """Return the layers that take part, by name; nothing but them and the head may train."""
    if backbone.frozen_trunk is not None:
        raise CannotShareError("its lower layers are computed once (fast.frozen_states)")
    layers = {
        name: layer
        for name, layer in backbone.trunk.named_modules()
        if isinstance(layer, FusedLoraLinear | FusedSvdLinear)
    }
    own = {id(p) for p in backbone.head.parameters()}
    for name, layer in layers.items():
        parts = adapter_parts(layer)
        if not parts.is_plain:
            raise CannotShareError(f"{name} is more than a frozen matrix and its update")
        own |= {id(part) for part in (parts.right, parts.values, parts.left) if part is not None}
    for name, parameter in backbone.named_parameters():
        if parameter.requires_grad and id(parameter) not in own:
            raise CannotShareError(f"{name} trains, too")
    if not layers:
        raise CannotShareError("it has no fused adapters")
    for name, module in backbone.trunk.named_modules():
        if isinstance(module, _BatchNorm) and not name.startswith("task_head"):
            raise CannotShareError(f"{name} mixes the rows of a batch")
    return layers


def _frozen(backbone: Backbone, layers: Any = ()) -> dict[str, Tensor]:
    """Return the frozen parameters and the buffers below the head by their names in the trunk."""
    named = [*backbone.trunk.named_parameters(), *backbone.trunk.named_buffers()]
    adapters = tuple(f"{name}.lora_" for name in layers)
    ranks = tuple(f"{name}.ranknum" for name in layers)
    return {
        name: tensor
        for name, tensor in named
        if not tensor.requires_grad and not name.startswith(("task_head", *adapters, *ranks))
    }


def _equal(tensor: Tensor, other: Tensor) -> bool:
    return tensor.data_ptr() == other.data_ptr() or torch.equal(tensor, other)

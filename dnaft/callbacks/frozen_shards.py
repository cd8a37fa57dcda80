"""Frozen weights parted among the processes of a run (`trainer.strategy=fsdp`)."""

import logging
import warnings
from collections import Counter
from typing import Any

from lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from dnaft.errors import InputError
from dnaft.models.backbone import Backbone

log = logging.getLogger(__name__)


class FrozenShards(Callback):
    """Keep one part of each layer's frozen weights in each process, whole only while it computes.

    Fully sharded data parallelism (Zhao et al. 2023, arXiv:2304.11277) of what does not train: a
    layer's weights are gathered when it is called, forward and backward, and let go behind it.
    What trains stays whole in each process, with its gradients averaged as without this; so do
    weights outside the layers, and those that several layers share.

    Args:
        backbone: The model with its method.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Part the weights, once the processes are connected and before the module is wrapped.

        Raises:
            InputError: If the model has no layers, or none with frozen weights.
        """
        if trainer.world_size == 1:
            return
        mesh = init_device_mesh(trainer.strategy.root_device.type, (trainer.world_size,))
        # OPT's layers end in a view, of which torch warns; nothing changes it in place.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
        for layer, whole in find_parted(self._backbone):
            # By itself a layer would stay whole until the backward pass.
            fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
        parted = {n: p for n, p in pl_module.named_parameters() if isinstance(p, DTensor)}
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(pl_module, [*parted])
        size = sum(p.numel() * p.element_size() for p in parted.values())
        log.info(
            "frozen weights of the layers, %.1f MiB, are parted among %d processes",
            *(size / 2**20, trainer.world_size),
        )


def find_parted(backbone: Backbone) -> list[tuple[nn.Module, set[nn.Parameter]]]:
    """Return each layer that has frozen weights of its own, and what of it stays whole.

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
        if any(not p.is_floating_point() for p in own):
            raise InputError(
                "trainer.strategy: fsdp cannot part weights of four bits; take ddp, or another "
                "method than qlora"
            )
        parted = {p for p in own if not p.requires_grad and uses[id(p)] == 1}
        if parted:
            found.append((layer, own - parted))
    if not found:
        raise InputError(
            "trainer.strategy: fsdp parts frozen weights, and this method trains all layers; take "
            "ddp, or a method with adapters"
        )
    return found

"""Frozen weights parted among the processes of a run (`trainer.strategy=fsdp`)."""

import logging

from lightning import Callback, LightningModule, Trainer
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from dnaft.methods.parted import find_parted
from dnaft.models.backbone import Backbone

log = logging.getLogger(__name__)


class FrozenShards(Callback):
    """Keep one part of each layer's frozen matrices in each process, whole only while it computes.

    Fully sharded data parallelism (Zhao et al. 2023, arXiv:2304.11277) of what does not train: a
    layer's matrices are gathered when it is called, forward and backward, and let go behind it.
    What trains stays whole in each process, with its gradients averaged as without this.

    Args:
        backbone: The model with its method.

    Raises:
        InputError: If the model has no layers, or none with frozen matrices.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._parted = find_parted(backbone)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Part the matrices, once the processes are connected and before the module is wrapped."""
        mesh = init_device_mesh(trainer.strategy.root_device.type, (trainer.world_size,))
        for layer, whole in self._parted:
            # By itself a layer would stay whole until the backward pass.
            fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
        parted = {n: p for n, p in pl_module.named_parameters() if isinstance(p, DTensor)}
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(pl_module, [*parted])
        size = sum(p.numel() * p.element_size() for p in parted.values())
        log.info(
            "frozen matrices of the layers, %.1f MiB, are parted among %d processes",
            *(size / 2**20, trainer.world_size),
        )

"""Floating-point operations of a training step, counted and not estimated."""

from collections.abc import Callable

import torch
from lightning.fabric.utilities import move_data_to_device
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from dnaft.batch import Batch
from dnaft.losses import task_loss
from dnaft.metrics import Kind
from dnaft.models.backbone import Backbone


def count_step_flops(backbone: Backbone, kind: Kind, batch: Batch) -> int:
    """Return the operations of matrix products in one forward and backward pass of a batch.

    Rows read in windows cost what all their windows cost. Weights, running statistics, gradients
    and the global random state are left as they were.

    Args:
        backbone: The model.
        kind: Kind of the task, for the loss.
        batch: A batch of the size that is trained on.
    """
    before = [(buffer, buffer.clone()) for buffer in backbone.buffers()]
    batch = move_data_to_device(batch, next(backbone.parameters()).device)

    def step() -> None:
        task_loss(kind, backbone(*batch.inputs), batch.labels).backward()

    found = count_flops(step)
    for buffer, value in before:
        buffer.copy_(value)
    for parameter in backbone.parameters():
        parameter.grad = None
    return found


def count_flops(action: Callable[[], object]) -> int:
    """Return the operations of matrix products in what `action` does.

    The global random state is left as it was.
    """
    # The fused attention of CPUs is unknown to the counter; the plain form has the same products.
    with (
        torch.random.fork_rng(),
        sdpa_kernel([SDPBackend.MATH]),
        FlopCounterMode(display=False, custom_mapping=_IN_PLACE) as counter,
    ):
        action()
    return int(counter.get_total_flops())


def _product(_: torch.Size, left: torch.Size, right: torch.Size, **__: object) -> int:
    return 2 * left.numel() * right[-1]


# Products added to what is there; torch counts those alone that make a new tensor.
_IN_PLACE = {torch.ops.aten.addmm_: _product, torch.ops.aten.baddbmm_: _product}

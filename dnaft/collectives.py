"""What processes that train one model together tell each other; alone, nothing."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable


def processes() -> int:
    """Return how many processes train together; 1 before they are connected."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def share_loss(loss: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Return what to differentiate, and the mean loss of the rows of all processes.

    Gradients are averaged over processes whatever their rows count. Scaled here by their part of
    the whole, the average is the gradient of the mean over the rows of all.

    Args:
        loss: Mean over the rows of this process, a scalar.
        count: What these rows count together, a scalar.
    """
    n = processes()
    if n == 1:
        return loss, loss
    sums = torch.stack([loss.detach() * count, count.to(loss.dtype)])
    dist.all_reduce(sums)
    return loss * (n * count / sums[1]), sums[0] / sums[1]


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the sum of each entry over processes, differentiable; the same where there is one."""
    if processes() == 1:
        return values
    summed: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return summed


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        summed = values.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        # The losses of all processes depend on each summand.
        of_all = grad.contiguous().clone()
        dist.all_reduce(of_all)
        return of_all


def gather(thing: Any) -> list[Any]:
    """Return what each process has, in the order of their ranks, to all of them."""
    if processes() == 1:
        return [thing]
    gathered: list[Any] = [None] * processes()
    dist.all_gather_object(gathered, thing)
    return gathered


def gather_at_first(thing: Any) -> list[Any]:
    """Return what each process has to the first of them, and nothing to the others.

    It goes through the memory of the processor, also where the processes train on GPUs.
    """
    if processes() == 1:
        return [thing]
    first = dist.get_rank() == 0
    gathered: list[Any] = [None] * processes() if first else []
    group = None if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")
    dist.gather_object(thing, gathered if first else None, dst=0, group=group)
    return gathered

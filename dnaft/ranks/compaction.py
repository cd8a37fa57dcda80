"""Remove pruned triplets from a model, and from the state of its optimisers."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.optim import Optimizer

from dnaft.ranks.triplet import TripletGroup


@torch.no_grad()
def remove_triplets(
    groups: Sequence[TripletGroup],
    kept: Bool[Tensor, " triplets"],
    optimizers: Iterable[Optimizer] = (),
) -> None:
    """Shrink P, lambda and Q to the kept triplets, and what optimisers remember of them.

    The tensors stay the same objects with other shapes, so whoever holds them sees the change.
    Where the values of the others are 0, the model computes what it computed before, and so do the
    gradients of its loss in what is kept. Moments of Adam are cut alike; step counts stay.

    Args:
        groups: The adapted matrices.
        kept: Which triplets stay, all matrices in a row. A matrix may lose all of them.
        optimizers: Those that train the tensors.
    """
    optimizers = list(optimizers)
    parts = kept.split([group.rank for group in groups])
    for group, part in zip(groups, parts, strict=True):
        index = part.nonzero().reshape(-1).to(group.values.device)
        for tensor, axis in _tensors(group):
            for optimizer in optimizers:
                state = optimizer.state.get(tensor, {})
                for name, value in state.items():
                    if isinstance(value, Tensor) and value.shape == tensor.shape:
                        state[name] = value.index_select(axis, index)
            tensor.data = tensor.data.index_select(axis, index)
            tensor.grad = None


def take_shapes(groups: Sequence[TripletGroup], saved: Mapping[Tensor, Tensor]) -> None:
    """Give tensors the ranks that saved ones have, so that these can be copied into them.

    Args:
        groups: The adapted matrices; new entries hold anything until they are copied.
        saved: What is going to be copied into each tensor, before or after a removal of triplets.
            Other differences in shape are left for the copy to refuse.
    """
    for group in groups:
        for tensor, axis in _tensors(group):
            if tensor not in saved or saved[tensor].ndim != tensor.ndim:
                continue
            shape = list(tensor.shape)
            shape[axis] = saved[tensor].shape[axis]
            if shape != list(tensor.shape) and shape == list(saved[tensor].shape):
                tensor.data = tensor.data.new_empty(shape)
                tensor.grad = None


def _tensors(group: TripletGroup) -> tuple[tuple[Tensor, int], ...]:
    """Return P, lambda and Q, each with the axis that counts triplets."""
    return (group.left, 1), (group.values, 0), (group.right, 0)

"""How far singular vectors are from orthonormal."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from dnaft.ranks.triplet import TripletGroup


def orthogonality_penalty(groups: Sequence[TripletGroup]) -> Float[Tensor, ""]:
    """Return the mean over all P and Q of ||P^T P - I||_F^2 and ||Q Q^T - I||_F^2.

    AdaLoRA Eq. (4) sums the two terms of a matrix; the mean over matrices keeps one weight fitting
    models of any depth, as in the authors' code (which leaves out the square).

    Args:
        groups: The adapted matrices, at least one.

    Returns:
        A scalar that carries gradients.
    """
    terms = []
    for group in groups:
        for gram in (group.left.mT @ group.left, group.right @ group.right.mT):
            terms.append(
                (gram - torch.eye(group.rank, device=gram.device, dtype=gram.dtype)).square().sum()
            )
    return torch.stack(terms).mean()

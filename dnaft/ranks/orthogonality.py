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

    Computed in float32 or wider, also under autocast: near 1, where the squares of the lengths lie,
    bfloat16 has steps of 2^-7, and the gradient would be that of their rounding.

    Args:
        groups: The adapted matrices, at least one.

    Returns:
        A scalar that carries gradients.
    """
    terms = []
    with torch.autocast(groups[0].left.device.type, enabled=False):
        for group in groups:
            for vectors in (group.left.mT, group.right):
                wide = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
                gram = wide @ wide.mT
                one = torch.eye(len(gram), device=gram.device, dtype=gram.dtype)
                terms.append((gram - one).square().sum())
        return torch.stack(terms).mean()

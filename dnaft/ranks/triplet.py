"""The singular triplets of one adapted matrix."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class TripletGroup:
    """All triplets of one matrix: Delta W = P diag(lambda) Q.

    Attributes:
        name: Where the matrix lies, for logs and plots.
        left: P, (d_out, rank).
        values: lambda, (rank,) in any contiguous shape with `rank` elements.
        right: Q, (rank, d_in).
    """

    name: str
    left: Float[Tensor, "d_out rank"]
    values: Float[Tensor, "..."]
    right: Float[Tensor, "rank d_in"]

    @property
    def rank(self) -> int:
        """Number of triplets, pruned ones included."""
        return self.values.numel()

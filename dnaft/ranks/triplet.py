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
        values: lambda, (rank,) or (rank, 1).
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

    @property
    def cost(self) -> int:
        """Parameters of one triplet: a column of P, a value, a row of Q; d_out + d_in + 1."""
        return self.left.shape[0] + self.right.shape[1] + 1

"""Which triplets are the most important ones."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Ties = Literal["stable", "strict", "inclusive"]


def top_triplets(
    scores: Float[Tensor, " triplets"], budget: int, ties: Ties = "stable"
) -> Bool[Tensor, " triplets"]:
    """Mark the `budget` triplets with the highest scores.

    Args:
        scores: One score a triplet, all matrices in a row.
        budget: How many to mark; values outside 0..triplets mean none or all.
        ties: "stable" marks exactly `budget`, of equal scores the earlier ones. "strict" keeps
            what lies above the highest score that must go, as the released programs do: at a tie
            it marks fewer. "inclusive" keeps what reaches the lowest score that may stay: at a
            tie it marks more.

    Returns:
        True where a triplet is among the top.
    """
    count = scores.numel()
    budget = max(0, min(budget, count))
    if budget in (0, count):
        return torch.full_like(scores, budget == count, dtype=torch.bool)
    order = torch.sort(scores, descending=True, stable=True)
    if ties == "strict":
        return scores > order.values[budget]
    if ties == "inclusive":
        return scores >= order.values[budget - 1]
    top = torch.zeros_like(scores, dtype=torch.bool)
    top[order.indices[:budget]] = True
    return top

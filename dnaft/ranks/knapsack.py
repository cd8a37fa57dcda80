"""The most important triplets that a number of parameters pays for."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def top_per_parameter(
    scores: Float[Tensor, " triplets"], costs: Int[Tensor, " triplets"], budget: int
) -> Bool[Tensor, " triplets"]:
    """Mark triplets by falling score per parameter for as long as their costs fit the budget.

    To choose the triplets of highest total score within a budget of parameters is a knapsack
    problem. Taking them by value per weight is Dantzig's rule (1957, Operations Research 5(2),
    266-288), optimal where the first that does not fit could be split: what is chosen misses the
    optimum by less than the score of that one triplet. It ends there, also if a cheaper one further
    down would fit, so that a larger budget never loses a triplet.

    Args:
        scores: One score a triplet, all matrices in a row, none negative.
        costs: Parameters of each triplet, above 0.
        budget: Parameters that may be kept.

    Returns:
        True where a triplet is among the top; of equal scores per parameter the earlier ones.
    """
    # In double precision two scores of single precision stay apart when they are divided.
    order = torch.sort(scores.double() / costs, descending=True, stable=True).indices
    top = torch.zeros_like(scores, dtype=torch.bool)
    top[order[costs[order].cumsum(0) <= budget]] = True
    return top

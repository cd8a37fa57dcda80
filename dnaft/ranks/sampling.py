"""Bernoulli draws that prune top triplets and reintroduce pruned ones."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool
from torch import Tensor

Rule = Literal["reintroduce", "prune_only"]


def combine(
    top: Bool[Tensor, " triplets"],
    dropped: Bool[Tensor, " triplets"],
    regrown: Bool[Tensor, " triplets"],
    rule: Rule = "reintroduce",
) -> Bool[Tensor, " triplets"]:
    """Return which singular values keep their value: LINGO Eq. (4), AdaLoRA+RS Eq. (1).

    Args:
        top: Whether a triplet is among the top b^t.
        dropped: R for a triplet within the top: True prunes it.
        regrown: R for the others: True reintroduces one. The papers use one R for both.
        rule: "prune_only" zeroes everything outside the top before the draw, so that nothing
            comes back, as the program released with LINGO does.
    """
    kept = top & ~dropped
    return kept if rule == "prune_only" else kept | (~top & regrown)


@dataclass(frozen=True)
class Draws:
    """Bernoulli draws, one uniform number a triplet for both events.

    The papers draw one R a triplet and use it in both branches of the rule; a triplet is only
    ever in one of them, so one uniform number serves two probabilities.

    Attributes:
        drop_probability: Chance that a triplet of the top is pruned all the same.
        regrow_probability: Chance that a triplet outside the top is reintroduced.

    Raises:
        ValueError: If a probability lies outside [0, 1].
    """

    drop_probability: float
    regrow_probability: float

    def __post_init__(self) -> None:
        """Check the probabilities."""
        for name in ("drop_probability", "regrow_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")

    def sample(
        self, count: int, generator: torch.Generator
    ) -> tuple[Bool[Tensor, " count"], Bool[Tensor, " count"]]:
        """Draw for `count` triplets, on the CPU whatever the model's device.

        A generator of its own, seeded alike on every process, gives every process the same mask.

        Returns:
            Where a top triplet would be dropped, and where another would be reintroduced.
        """
        uniform = torch.rand(count, generator=generator, dtype=torch.float64)
        return uniform < self.drop_probability, uniform < self.regrow_probability

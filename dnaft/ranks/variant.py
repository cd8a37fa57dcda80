"""The paper's rules, and those of the program its authors released."""

from dataclasses import dataclass
from typing import Literal

from dnaft.ranks.importance import Uncertainty
from dnaft.ranks.mask import Ties
from dnaft.ranks.sampling import Rule

VariantName = Literal["paper", "released_code"]


@dataclass(frozen=True)
class Variant:
    """A consistent set of the choices in which paper and released program differ.

    docs/rank_sampling.md lists them side by side.

    Attributes:
        rule: Whether pruned triplets can come back.
        uncertainty: Which average the newest sensitivity is compared with.
        weights: Whether I = |w grad| takes w before or after the optimiser step of that gradient.
        ties: How many triplets pass where scores are equal at the cut.
        exact_budget: Rational or floating-point budgets.
        fixed_probability: A probability that the program has as a literal, else None.
    """

    rule: Rule
    uncertainty: Uncertainty
    weights: Literal["before_step", "after_step"]
    ties: Ties
    exact_budget: bool
    fixed_probability: float | None


VARIANTS: dict[VariantName, Variant] = {
    "paper": Variant("reintroduce", "previous", "before_step", "stable", True, None),
    # zhanglab-aim/LINGO: the literal 0.1 stands in the code that masks. The weight after the step
    # is what AdaLoRA's own loop uses; LINGO's scripts differ among themselves there.
    "released_code": Variant("prune_only", "updated", "after_step", "strict", False, 0.1),
}

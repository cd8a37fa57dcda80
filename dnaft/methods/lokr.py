"""Adapters whose update is a Kronecker product: LoKr."""

from peft import LoKrConfig

from dnaft.methods.adapt import add_adapter, check_positive
from dnaft.models.backbone import Backbone


def inject_lokr(backbone: Backbone, rank: int, alpha: float, target_roles: tuple[str, ...]) -> None:
    """Add W x + (alpha / rank) (C kron D) x to each matrix of the given roles.

    KronA (Edalati et al. 2022, arXiv:2212.10650), in the form of LyCORIS, which PEFT has: a
    matrix of a b outputs and c d inputs, each pair of factors as equal as whole numbers allow and
    a <= b, c <= d, gets C of (a, c) and D of (b, d). D is a product of two matrices of the given
    rank where that is less than half of b or d, else one matrix, as in KronA. C starts at zero, so
    the output is unchanged at injection.

    Args:
        backbone: Backbone with its head attached.
        rank: Rank of D.
        alpha: Scale of the update, divided by the rank.
        target_roles: Roles to adapt, of q k v o fc1 fc2.

    Raises:
        ValueError: If a number lies outside its domain or a role matches no module.
    """
    check_positive("rank", rank)
    check_positive("alpha", alpha)
    config = LoKrConfig(
        r=rank,
        alpha=alpha,  # type: ignore[arg-type]  # PEFT divides it; a float serves
        target_modules=backbone.target_modules(target_roles),
    )
    add_adapter(backbone, config)

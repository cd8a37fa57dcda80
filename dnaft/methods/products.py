"""Adapters whose update is a product other than that of matrices: LoHa and LoKr."""

from peft import LoHaConfig, LoKrConfig

from dnaft.methods.adapt import add_adapter, check_positive
from dnaft.models.backbone import Backbone


def inject_loha(backbone: Backbone, rank: int, alpha: float, target_roles: tuple[str, ...]) -> None:
    """Add W x + (alpha / rank) (B1 A1 * B2 A2) x, * entry by entry, to each matrix of the roles.

    FedPara's product (Hyeon-Woo et al. 2022, arXiv:2108.06098, Proposition 1): two factors of rank
    r make an update of rank up to r^2, with the parameters of LoRA at rank 2r. A2 starts at zero,
    so the output is unchanged at injection.

    Args:
        backbone: Backbone with its head attached.
        rank: Rank of each factor.
        alpha: Scale of the update, divided by the rank.
        target_roles: Roles to adapt, of q k v o fc1 fc2.

    Raises:
        ValueError: If a number lies outside its domain or a role matches no module.
    """
    _inject(LoHaConfig, backbone, rank, alpha, target_roles)


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
    _inject(LoKrConfig, backbone, rank, alpha, target_roles)


def _inject(
    kind: type[LoHaConfig] | type[LoKrConfig],
    backbone: Backbone,
    rank: int,
    alpha: float,
    target_roles: tuple[str, ...],
) -> None:
    check_positive("rank", rank)
    check_positive("alpha", alpha)
    config = kind(
        r=rank,
        alpha=alpha,  # type: ignore[arg-type]  # PEFT divides it; a float serves
        target_modules=backbone.target_modules(target_roles),
    )
    add_adapter(backbone, config)

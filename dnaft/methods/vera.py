"""Random matrices that all layers share, scaled by trained vectors: VeRA."""

from peft import VeraConfig

from dnaft.methods.adapt import add_adapter, check_dropout, check_positive
from dnaft.models.backbone import Backbone


def inject_vera(
    backbone: Backbone,
    rank: int,
    target_roles: tuple[str, ...],
    initial_d: float = 0.1,
    dropout: float = 0.0,
    projection_seed: int = 0,
) -> None:
    """Add W x + diag(b) B diag(d) A x to each matrix of the given roles; b and d are trained.

    Kopiczko et al. 2024, arXiv:2310.11454, Eq. 2. A and B are random and frozen, the same for all
    matrices (the first rows and columns of one pair as large as the largest matrix). b starts at
    zero, so the output is unchanged at injection. A and B are saved with the adapter.

    Args:
        backbone: Backbone with its head attached.
        rank: Rows of A and columns of B; costs one trained number each, so take it large.
        target_roles: Roles to adapt, of q k v o fc1 fc2.
        initial_d: Start of d.
        dropout: Dropout on the input of A, in training.
        projection_seed: Seed of A and B.

    Raises:
        ValueError: If a number lies outside its domain or a role matches no module.
    """
    check_positive("rank", rank)
    check_positive("initial_d", initial_d)
    check_dropout(dropout)
    config = VeraConfig(
        r=rank,
        d_initial=initial_d,
        vera_dropout=dropout,
        projection_prng_key=projection_seed,
        target_modules=backbone.target_modules(target_roles),
    )
    add_adapter(backbone, config)

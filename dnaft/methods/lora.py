"""Low-rank adapters of fixed rank: LoRA and DoRA."""

from peft import LoraConfig

from dnaft.methods.adapt import add_adapter, check_dropout, check_positive
from dnaft.models.backbone import Backbone


def inject_lora(
    backbone: Backbone,
    rank: int,
    alpha: float,
    target_roles: tuple[str, ...],
    dropout: float = 0.0,
    weight_decomposed: bool = False,
) -> None:
    """Add W x + (alpha / rank) B A x to each matrix of the given roles.

    LoRA (Hu et al. 2021, arXiv:2106.09685, Section 4.1); with `weight_decomposed` DoRA
    (Liu et al. 2024, arXiv:2402.09353, Eq. 5), which learns a magnitude a row beside the
    direction. B starts at zero, so the output is unchanged at injection.

    Args:
        backbone: Backbone with its head attached.
        rank: Columns of B and rows of A.
        alpha: Scale of the update, divided by the rank.
        target_roles: Roles to adapt, of q k v o fc1 fc2.
        dropout: Dropout on the input of A, in training.
        weight_decomposed: DoRA instead of LoRA.

    Raises:
        ValueError: If a number lies outside its domain or a role matches no module.
    """
    check_positive("rank", rank)
    check_positive("alpha", alpha)
    check_dropout(dropout)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # PEFT divides it; a float serves
        lora_dropout=dropout,
        target_modules=backbone.target_modules(target_roles),
        use_dora=weight_decomposed,
        bias="none",
    )
    add_adapter(backbone, config)

"""Low-rank adapters of fixed rank: LoRA, rsLoRA, LoRA+ and DoRA."""

from peft import LoraConfig
from peft.tuners.lora import LoraLayer

from dnaft.methods.adapt import ADAPTER, add_adapter, check_dropout, check_positive
from dnaft.models.backbone import Backbone


def inject_lora(
    backbone: Backbone,
    rank: int,
    alpha: float,
    target_roles: tuple[str, ...],
    dropout: float = 0.0,
    weight_decomposed: bool = False,
    rank_stabilised: bool = False,
    lr_ratio: float = 1.0,
) -> None:
    """Add W x + (alpha / rank) B A x to each matrix of the given roles.

    LoRA (Hu et al. 2021, arXiv:2106.09685, Section 4.1). B starts at zero, so the output is
    unchanged at injection. Three variants change one thing each:

    - DoRA (Liu et al. 2024, arXiv:2402.09353, Eq. 5): a magnitude a row is learnt beside the
      direction.
    - rsLoRA (Kalajdzievski 2023, arXiv:2312.03732): the scale is alpha / sqrt(rank), so that
      neither outputs nor gradients shrink as the rank grows.
    - LoRA+ (Hayou et al. 2024, arXiv:2402.12354): B learns `lr_ratio` times as fast as A, and so
      does the head, which starts from nothing, as B does.

    Args:
        backbone: Backbone with its head attached.
        rank: Columns of B and rows of A.
        alpha: Scale of the update, divided by the rank.
        target_roles: Roles to adapt, of q k v o fc1 fc2.
        dropout: Dropout on the input of A, in training.
        weight_decomposed: DoRA.
        rank_stabilised: rsLoRA.
        lr_ratio: Learning rate of B over that of A, which has the rate of the optimiser; over 1 is
            LoRA+.

    Raises:
        ValueError: If a number lies outside its domain or a role matches no module.
    """
    check_positive("rank", rank)
    check_positive("alpha", alpha)
    check_positive("lr_ratio", lr_ratio)
    check_dropout(dropout)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # PEFT divides it; a float serves
        lora_dropout=dropout,
        target_modules=backbone.target_modules(target_roles),
        use_dora=weight_decomposed,
        use_rslora=rank_stabilised,
        bias="none",
    )
    add_adapter(backbone, config)
    if lr_ratio != 1.0:
        for name, module in backbone.named_modules():
            if isinstance(module, LoraLayer):
                backbone.rate_factors[f"{name}.lora_B.{ADAPTER}.weight"] = lr_ratio
        for name, _ in backbone.named_parameters():
            if "task_head" in name:
                backbone.rate_factors[name] = lr_ratio

"""Adapters in the form of a singular value decomposition, whose rank can change."""

from typing import Literal

from peft import AdaLoraConfig
from torch import nn

from dnaft.methods.adapt import add_adapter, check_dropout, check_positive
from dnaft.methods.triplets import find_triplets
from dnaft.models.backbone import Backbone


def inject_adalora(
    backbone: Backbone,
    rank: int,
    alpha: float,
    target_roles: tuple[str, ...],
    dropout: float = 0.0,
    vectors: Literal["gaussian", "orthonormal"] = "gaussian",
    scale_rank: float | None = None,
) -> None:
    """Add W x + (alpha / scale_rank) P diag(lambda) Q x to each matrix of the given roles.

    AdaLoRA, Zhang et al. 2023, arXiv:2303.10512, Eq. (3). lambda starts at zero, so the output is
    unchanged at injection. Which triplets stay is decided by the `rank_sampler` callback, never by
    PEFT's own allocator: that one has to be called by hand and otherwise does nothing.
    The scale is a constant, whatever is pruned.

    Args:
        backbone: Backbone with its head attached.
        rank: Triplets a matrix at the start.
        alpha: Scale of the update, divided by `scale_rank`.
        target_roles: Roles to adapt, of q k v o fc1 fc2.
        dropout: Dropout on the input of Q, in training.
        vectors: Start of P and Q. "gaussian" with standard deviation 0.02, as in the authors'
            code, is far from orthonormal, and lambda acts through vectors of length 0.02 sqrt(d).
            "orthonormal" starts where the orthogonality term of AdaLoRA pulls them: P^T P = Q Q^T
            = I, if the rank is no larger than the matrix.
        scale_rank: The rank that `alpha` goes with, such as the target: updates then mean the same
            however many triplets there are at the start. None: `rank`, as in the authors' code.

    Raises:
        ValueError: If a number lies outside its domain or a role matches no module.
    """
    check_positive("rank", rank)
    check_positive("alpha", alpha)
    if scale_rank is not None:
        check_positive("scale_rank", scale_rank)
    check_dropout(dropout)
    config = AdaLoraConfig(
        init_r=rank,
        target_r=rank,
        # PEFT divides it by init_r; a float serves.
        lora_alpha=alpha if scale_rank is None else alpha * rank / scale_rank,  # type: ignore[arg-type]
        lora_dropout=dropout,
        target_modules=backbone.target_modules(target_roles),
        # Required by PEFT, read only by its allocator, which is not used.
        total_step=1,
    )
    add_adapter(backbone, config)
    if vectors == "orthonormal":
        for group in find_triplets(backbone):
            nn.init.orthogonal_(group.left)
            nn.init.orthogonal_(group.right)

"""Learned positions in front of each row: prompt tuning, P-tuning, prefix tuning."""

from typing import Any, Literal

import torch
from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig

from dnaft.methods.adapt import ADAPTER, add_adapter, check_positive
from dnaft.models.backbone import Backbone


def inject_prompt_tuning(
    backbone: Backbone,
    virtual_tokens: int,
    start: Literal["vocabulary", "gaussian"] = "vocabulary",
) -> None:
    """Put learned embeddings in front of each row.

    Lester et al. 2021, arXiv:2104.08691.

    Args:
        backbone: Backbone with its head attached.
        virtual_tokens: How many.
        start: "vocabulary" takes embeddings of tokens drawn at random; "gaussian" draws numbers
            with deviation 1, PEFT's default, which is far from what embeddings look like.

    Raises:
        ValueError: If there is not one, or the architecture takes none.
    """
    add_adapter(backbone, PromptTuningConfig(num_virtual_tokens=virtual_tokens))
    if start == "vocabulary":
        model: Any = backbone.model
        known = backbone.trunk.get_input_embeddings().weight  # type: ignore[operator]
        drawn = torch.randint(len(known), (virtual_tokens,)).to(known.device)
        with torch.no_grad():
            model.prompt_encoder[ADAPTER].embedding.weight.copy_(known[drawn])


def inject_p_tuning(
    backbone: Backbone,
    virtual_tokens: int,
    encoder: Literal["mlp", "lstm"] = "mlp",
    encoder_hidden: int = 128,
) -> None:
    """Put embeddings in front of each row that a small network makes of learned ones.

    P-tuning, Liu et al. 2021, arXiv:2103.10385. The network is left behind after training: the run
    keeps the embeddings that it makes.

    Args:
        backbone: Backbone with its head attached.
        virtual_tokens: How many.
        encoder: "mlp" of three layers, or "lstm" of two in both directions with two layers behind.
        encoder_hidden: Its hidden width.

    Raises:
        ValueError: If there is not one, the width is not positive, or the architecture takes none.
    """
    check_positive("encoder_hidden", encoder_hidden)
    config = PromptEncoderConfig(
        num_virtual_tokens=virtual_tokens,
        encoder_reparameterization_type=encoder.upper(),
        encoder_hidden_size=encoder_hidden,
    )
    add_adapter(backbone, config)


def inject_prefix_tuning(
    backbone: Backbone, virtual_tokens: int, projection_hidden: int | None = None
) -> None:
    """Put learned keys and values in front of those of each row, in every layer.

    Li & Liang 2021, arXiv:2101.00190, learn them through a network (Section 4.3), which is left
    behind after training. Without it they are learned as they are: that is P-tuning v2 (Liu et al.
    2022, arXiv:2110.07602) for classification with a linear head.

    Args:
        backbone: Backbone with its head attached.
        virtual_tokens: How many positions.
        projection_hidden: Hidden width of the network; None for no network.

    Raises:
        ValueError: If there is no position, the width is not positive, or the architecture takes no
            prefixes.
    """
    if projection_hidden is not None:
        check_positive("projection_hidden", projection_hidden)
    config = PrefixTuningConfig(
        num_virtual_tokens=virtual_tokens,
        prefix_projection=projection_hidden is not None,
        encoder_hidden_size=projection_hidden,  # type: ignore[arg-type]  # None is PEFT's default
    )
    add_adapter(backbone, config)

"""Layers are computed a second time in the backward pass instead of being kept."""

from typing import Any

from dnaft.methods.soft_prompt import SoftPromptModel
from dnaft.models.backbone import Backbone


def checkpoint_gradients(backbone: Backbone) -> None:
    """Let training keep what enters each layer and compute the rest again for the gradients.

    Chen et al. 2016 (arXiv:1604.06174), in transformers' form: memory grows with the layers by one
    hidden state each, and a step costs one more forward pass. Gradients stay what they are; random
    numbers of dropout are drawn again alike.

    Args:
        backbone: A backbone with its method; the frozen weights may be anywhere.

    Raises:
        ValueError: If the model cannot do so.
    """
    model = backbone.model
    if isinstance(model, SoftPromptModel) and model.cached:
        raise ValueError(
            f"{backbone.name} takes prefixes as past keys and values, which layers that are "
            "computed twice do not; leave it at false"
        )
    trunk: Any = backbone.trunk
    enable = getattr(trunk, "gradient_checkpointing_enable", None)
    if enable is None:
        raise ValueError(f"{backbone.name} cannot compute its layers twice; leave it at false")
    # The other form needs an input that has a gradient, which a frozen embedding does not give.
    enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    backbone.computes_twice = True

"""Multiply an adapter into the weights that it adapts, so that nothing is left of it."""

from typing import Any

from peft import PeftModel
from torch import nn

from dnaft.methods.adapt import ADAPTER
from dnaft.models.backbone import Backbone


def merge_adapter(backbone: Backbone) -> None:
    """Make the adapted model a plain one with the same logits, up to rounding.

    Args:
        backbone: A trained backbone; one without an adapter is left as it is.

    Raises:
        ValueError: If the base is quantised, or the adapter is no change of weights.
    """
    model = backbone.model
    if not isinstance(model, PeftModel):
        return
    how = find_quantisation(backbone.trunk)
    if how is not None:
        raise ValueError(
            f"the base model is quantised ({how}): merged into such weights the adapter would be "
            "rounded away with them"
        )
    wrapper: Any = model.base_model
    if not hasattr(wrapper, "merge_and_unload"):
        kind = model.active_peft_config.peft_type.value.lower()
        raise ValueError(f"{kind} adds input to the model and changes no weight to merge into")
    # PEFT unwraps what it saves beside an adapter only where that has a weight of its own; a head
    # of several layers has none.
    trunk: Any = backbone.trunk
    trunk.task_head = trunk.task_head.modules_to_save[ADAPTER]
    try:
        backbone.model = wrapper.merge_and_unload()
    except (NotImplementedError, ValueError) as error:
        raise ValueError(f"PEFT cannot merge it ({error})") from error


def find_quantisation(trunk: nn.Module) -> str | None:
    """Return how the weights are quantised, None if they are plain floating-point numbers."""
    settings: Any = getattr(getattr(trunk, "config", None), "quantization_config", None)
    if settings is not None:
        get = settings.get if isinstance(settings, dict) else vars(settings).get
        return str(getattr(get("quant_method"), "value", get("quant_method")))
    for parameter in trunk.parameters():
        if not parameter.is_floating_point():
            return str(parameter.dtype).removeprefix("torch.")
    return None

"""What all PEFT methods share: wrap the model, train adapter and head, freeze the rest."""

from pathlib import Path
from typing import Any

from peft import PeftConfig, PeftModel, get_peft_model
from torch import nn

from dnaft.methods.soft_prompt import SoftPromptModel, complete
from dnaft.methods.trial import send_row
from dnaft.models.backbone import Backbone

ADAPTER = "default"  # PEFT's name for the only adapter that there is
_SINGULAR_VALUES = ".lora_E."


def add_adapter(backbone: Backbone, config: PeftConfig) -> None:
    """Inject the adapter that `config` describes; the task head trains and is saved with it.

    Args:
        backbone: A backbone with its head attached and no adapter yet.
        config: A PEFT configuration that names target modules, or of prompt learning.

    Raises:
        ValueError: If there is no way to use such a prompt in this architecture, or PEFT has no
            such adapter for matrices in four bits.
    """
    settings: Any = config
    settings.modules_to_save = [*(settings.modules_to_save or ()), "task_head"]
    if config.is_prompt_learning:
        complete(backbone, config)
        backbone.model = SoftPromptModel(backbone, config)
        return
    trunk: Any = backbone.model
    in_four_bits = not all(p.is_floating_point() for p in trunk.parameters())
    backbone.model = get_peft_model(trunk, config)
    backbone.vectors |= {name for name, p in backbone.named_parameters() if _is_vector(name, p)}
    if in_four_bits:
        _check_it_runs(backbone, config)


def load_adapter(backbone: Backbone, folder: Path) -> None:
    """Put a saved adapter and its head on the model.

    Args:
        backbone: A backbone with a head attached and no adapter yet.
        folder: What PEFT's `save_pretrained` wrote.
    """
    config = PeftConfig.from_pretrained(str(folder))
    trunk: Any = backbone.model
    if config.is_prompt_learning:
        prompted = SoftPromptModel(backbone, config)
        prompted.load_adapter(str(folder), ADAPTER)
        backbone.model = prompted
    else:
        backbone.model = PeftModel.from_pretrained(trunk, str(folder))


def _is_vector(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter is no matrix, though PEFT may store it as (d, 1) or (1, d).

    So singular values of AdaLoRA, and scales such as those of IA3 and BOFT, known by their start
    at 1.
    """
    scales = parameter.requires_grad and parameter.dim() > 1 and bool((parameter == 1).all())
    return scales or _SINGULAR_VALUES in name


def _check_it_runs(backbone: Backbone, config: PeftConfig) -> None:
    """Refuse adapters that take packed weights for plain ones; PEFT itself does not."""
    try:
        send_row(backbone)
    except Exception as error:
        raise ValueError(
            f"{type(config).__name__} does not work on matrices in four bits; use method=qlora, or "
            "leave method.quantise at null"
        ) from error


def freeze(module: nn.Module) -> None:
    """Take every parameter of `module` out of training."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)


def train_only(backbone: Backbone, names: set[str]) -> None:
    """Train the head and the named parameters, and nothing else.

    Args:
        backbone: A backbone with its head attached.
        names: Parameters by their name in the backbone.

    Raises:
        ValueError: If one is kept in four bits.
    """
    freeze(backbone)
    for parameter in backbone.head.parameters():
        parameter.requires_grad_(True)
    for name, parameter in backbone.named_parameters():
        if name in names:
            unfreeze(parameter)


def unfreeze(parameter: nn.Parameter) -> None:
    """Train a weight of the model.

    Raises:
        ValueError: If it is kept in four bits.
    """
    if not parameter.is_floating_point():
        raise ValueError(
            "the matrices are kept in four bits, which do not train; leave method.quantise at "
            "null, or use an adapter (method=qlora)"
        )
    parameter.requires_grad_(True)


def check_positive(name: str, value: float) -> None:
    """Refuse a rank or scale that is not positive.

    Raises:
        ValueError: If `value` is not above 0.
    """
    if value <= 0:
        raise ValueError(f"{name} must be above 0, got {value}")


def check_dropout(value: float) -> None:
    """Refuse a dropout that is no probability.

    Raises:
        ValueError: If `value` lies outside [0, 1).
    """
    if not 0 <= value < 1:
        raise ValueError(f"dropout must lie in [0, 1), got {value}")

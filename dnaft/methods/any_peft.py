"""Any configuration of PEFT as a method."""

import copy
from typing import Any

from peft import PeftConfig, PeftType

from dnaft.methods.adapt import add_adapter
from dnaft.methods.norms import layer_norms
from dnaft.methods.trial import send_row
from dnaft.models.backbone import Backbone

# How LoRA may begin: PEFT's other ways change the frozen matrices, which a run does not keep, or
# want data that they are not given here.
_LORA_STARTS = ("gaussian", "orthogonal", "mica")


def inject_peft(
    backbone: Backbone,
    peft_config: PeftConfig,
    target_roles: tuple[str, ...],
    virtual_tokens: int = 0,
) -> None:
    """Inject the adapter that a configuration of PEFT describes.

    Where it leaves `target_modules` open, they are the matrices of the given roles (for LN tuning
    the norms of the layers). What it leaves open of `num_virtual_tokens` is `virtual_tokens`.

    Args:
        backbone: Backbone with its head attached.
        peft_config: `peft.OFTConfig`, `peft.FourierFTConfig`, ...
        target_roles: Roles to adapt, of q k v o fc1 fc2.
        virtual_tokens: Learned positions in front of each row; for prompt learning alone.

    Raises:
        ValueError: If it is no configuration of PEFT, PEFT refuses it, a role matches no module,
            the model does not run with the adapter, or it would do less than it says or change
            what is frozen.
    """
    if not isinstance(peft_config, PeftConfig):
        raise ValueError(
            f"peft_config._target_: {type(peft_config).__name__} is no configuration of PEFT; "
            "choose one, for example peft.OFTConfig"
        )
    config: Any = copy.deepcopy(peft_config)
    name = type(config).__name__
    if config.peft_type == PeftType.ADALORA:
        raise ValueError(
            f"{name}: its ranks move only if a training loop calls PEFT's allocator, which none "
            "does here; take method=adalora or adalora_rs"
        )
    start = getattr(config, "init_lora_weights", True)
    if isinstance(start, str) and start not in _LORA_STARTS:
        raise ValueError(
            f"{name}: init_lora_weights={start} changes the frozen matrices, of which a run keeps "
            f"none, or wants data first; leave it out, or take one of {', '.join(_LORA_STARTS)}"
        )
    if getattr(config, "num_virtual_tokens", virtual_tokens) is None:
        config.num_virtual_tokens = virtual_tokens
    if getattr(config, "num_virtual_tokens", 0) != virtual_tokens:
        raise ValueError(
            f"{name} has {getattr(config, 'num_virtual_tokens', 0)} virtual tokens, and "
            f"method.virtual_tokens is {virtual_tokens}; set method.virtual_tokens alone"
        )
    if not hasattr(config, "modules_to_save"):
        raise ValueError(f"{name} has no modules_to_save, so PEFT would not keep the task head")
    if getattr(config, "target_modules", ()) is None:
        norms = config.peft_type == PeftType.LN_TUNING
        config.target_modules = (
            layer_norms(backbone) if norms else backbone.target_modules(target_roles)
        )
    try:
        add_adapter(backbone, config)
        send_row(backbone)  # what cannot run should not wait for the data to be told
    except ValueError:
        raise
    except Exception as error:  # PEFT raises all kinds where a method and a model do not fit
        raise ValueError(
            f"{name} does not work with {backbone.name}: {type(error).__name__}: {error}"
        ) from error

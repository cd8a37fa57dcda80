"""An SVD adapter as plain LoRA: the pruned triplets are gone, each matrix has a rank of its own."""

from pathlib import Path
from typing import Any

from jaxtyping import Float
from peft import LoraConfig, PeftModel, PeftType, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from dnaft.methods.adapt import ADAPTER
from dnaft.methods.triplets import PARTS, svd_layers, update_scale

WEIGHTS = "adapter_model.safetensors"
_INSIDE = "base_model.model."  # what PEFT's files put in front of a module's name


def save_as_lora(model: PeftModel, folder: Path) -> bool:
    """Write an SVD adapter and the task head as a LoRA adapter, in PEFT's format.

    The files compute what the model computes, up to rounding: singular values and the scale
    alpha / initial rank are multiplied into B, so the scale of every matrix is 1. Triplets whose
    value is 0 are left out, and matrices without any other are not adapted. What is lost is the
    form P diag(lambda) Q, which a checkpoint of the run still has.

    Args:
        model: A model with one adapter.
        folder: Folder to write.

    Returns:
        Whether anything was written: only adapters of linear maps in the form of a singular value
        decomposition can be.
    """
    if model.peft_config[ADAPTER].peft_type != PeftType.ADALORA:
        return False
    layers = svd_layers(model.get_base_model())
    if not all(isinstance(layer.get_base_layer(), nn.Linear) for layer in layers.values()):
        return False
    factors = {name: _factors(layer) for name, layer in layers.items()}
    kept = {name: pair for name, pair in factors.items() if pair[0].shape[0] > 0}
    if not kept:
        # PEFT takes no adapter that adapts nothing; one that adds zero stands in for it.
        name, (right, left) = next(iter(factors.items()))
        kept[name] = right.new_zeros(1, right.shape[1]), left.new_zeros(left.shape[0], 1)
    state: dict[str, Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    adapted = {f"{_INSIDE}{name}.{part}" for name in layers for part in PARTS}
    plain = {name: tensor for name, tensor in state.items() if name not in adapted}
    for name, (right, left) in kept.items():
        plain[f"{_INSIDE}{name}.lora_A.weight"] = right
        plain[f"{_INSIDE}{name}.lora_B.weight"] = left
    ranks = {name: right.shape[0] for name, (right, _) in kept.items()}
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in plain.items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    _config(model.peft_config[ADAPTER], ranks).save_pretrained(str(folder))
    return True


def _factors(layer: Any) -> tuple[Float[Tensor, "rank d_in"], Float[Tensor, "d_out rank"]]:
    """Return A and B of the triplets that are not 0: A = Q, B = scale P diag(lambda)."""
    left, values, right = (getattr(layer, part)[ADAPTER].detach() for part in PARTS)
    kept = values.reshape(-1).nonzero().reshape(-1)
    weights = values.reshape(-1)[kept].double() * update_scale(layer)
    return right[kept], (left[:, kept].double() * weights).to(left.dtype)


def _config(svd: Any, ranks: dict[str, int]) -> LoraConfig:
    """Describe the adapter; alpha is the rank everywhere, so that PEFT's scale is 1."""
    largest = max(ranks.values())
    config = LoraConfig(
        r=largest,
        lora_alpha=largest,
        rank_pattern=ranks,
        alpha_pattern=dict(ranks),
        lora_dropout=svd.lora_dropout,
        bias=svd.bias,
        modules_to_save=svd.modules_to_save,
        task_type=svd.task_type,
        base_model_name_or_path=svd.base_model_name_or_path,
        revision=svd.revision,
        inference_mode=True,
    )
    config.target_modules = list(ranks)  # PEFT makes it a set, in another order in each process
    return config

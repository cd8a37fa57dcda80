"""Keep the matrices of a frozen model in four bits."""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import nn

from dnaft.models.requirements import require

Quantised = Literal["nf4", "fp4"]
PACKAGES = ("bitsandbytes",)


def check_quantised(kind: str | None, source: str | None) -> None:
    """Raise if weights cannot be kept in four bits here; costs no import and no download.

    Args:
        kind: What is asked for, None for nothing.
        source: Hub id or folder of the weights.

    Raises:
        InputError: If the package is not installed.
        ValueError: If there are no pretrained weights.
    """
    if kind is None:
        return
    if source is None:
        raise ValueError(
            "random weights are not kept in four bits, which is for pretrained models too large "
            "for the memory; name one (model.source), or leave it at null"
        )
    require(PACKAGES, "method.quantise")


def quantisation(config: Any, kind: Quantised, matrices: Iterable[str]) -> Any:
    """Return how transformers is to load the named matrices in four bits, and all else as it is.

    QLoRA, Dettmers et al. 2023, arXiv:2305.14314, Section 3: each block of 64 weights shares a
    scale, and the scales are themselves kept in eight bits ("double quantisation"). Products are
    computed in the precision of their input, so trainer.precision=bf16-mixed is the paper's.

    Args:
        config: The transformers configuration of the model.
        kind: "nf4", levels for normally distributed weights, or "fp4", a float of four bits.
        matrices: Names of linear maps.
    """
    from transformers import AutoModel, BitsAndBytesConfig

    named = set(matrices)
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    others = [n for n, m in model.named_modules() if isinstance(m, nn.Linear) and n not in named]
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=kind,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
        llm_int8_skip_modules=others,  # the name says 8 bits, the list is for both
    )


def keep_unpacked(model: nn.Module) -> None:
    """Have a model in four bits compute alike in training and in scoring.

    On processors with AVX512-BF16 bitsandbytes packs a matrix anew in its first pass without
    gradients. The packed form computes in bfloat16 and does not train.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False  # type: ignore[assignment]


def numel(parameter: nn.Parameter) -> int:
    """Return how many weights a parameter stands for; two of four bits share a byte."""
    state = getattr(parameter, "quant_state", None)
    return int(parameter.numel() if state is None else state.shape.numel())

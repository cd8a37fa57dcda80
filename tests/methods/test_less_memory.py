"""Layers computed twice and frozen matrices in bfloat16: less memory, the same gradients."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from dnaft.dropout import quicken_dropout
from dnaft.methods.checkpointing import checkpoint_gradients
from dnaft.methods.frozen_bf16 import FrozenMatrices
from dnaft.methods.fuse import FusedLoraLinear, fuse_adapters
from dnaft.methods.lora import inject_lora
from dnaft.models.backbone import ROLES, Backbone
from small_methods import IDS, MASK, METHODS, adapted, plain
from small_models import SHAPES, built, small_node

NATIVE = ["dnabert2", "nt_v2_50m", "hyenadna_tiny_1k", "gena_lm_base", "nucleotide_unet"]
HERE = [method for method in METHODS if method != "qlora"]  # bitsandbytes may be absent
every_family = pytest.mark.parametrize("family", SHAPES)
every_method = pytest.mark.parametrize("method", HERE)


def draw(backbone: Backbone) -> None:
    """Adapters that start at zero let no gradient through."""
    torch.manual_seed(3)
    for name, parameter in backbone.named_parameters():
        if parameter.requires_grad and "task_head" not in name:
            parameter.data.add_(torch.randn_like(parameter) * 0.1)


NATIVE_IDS = torch.arange(64).reshape(2, 32) % 7


def native(name: str) -> Backbone:
    torch.manual_seed(1)
    backbone = built(small_node(name))
    backbone.attach_head(1, positions=32)
    inject_lora(backbone, rank=2, alpha=2, target_roles=ROLES, dropout=0.2)
    draw(backbone)
    fuse_adapters(backbone)
    return backbone


def gradients(backbone: Backbone, ids: torch.Tensor = IDS) -> dict[str, torch.Tensor]:
    """Those of a step in training mode; dropout draws alike each time."""
    backbone.train()
    backbone.zero_grad()
    torch.manual_seed(5)
    logits = backbone(ids, torch.ones_like(ids))
    nn.functional.binary_cross_entropy_with_logits(logits[:, 0], torch.ones(len(ids))).backward()
    return {n: p.grad.clone() for n, p in backbone.named_parameters() if p.grad is not None}


def same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], **limit: float) -> None:
    assert found.keys() == expected.keys()
    assert any("task_head" not in name for name in expected) or len(expected) == 2
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, **limit, msg=name)


@every_family
@every_method
def test_layers_computed_twice_give_the_same_gradients(method: str, family: str) -> None:
    backbone, _ = adapted(method, family)
    draw(backbone)
    fuse_adapters(backbone)
    quicken_dropout(backbone)
    expected = gradients(backbone)
    if method in ("prefix_tuning", "p_tuning_v2") and family != "esm":
        with pytest.raises(ValueError, match="takes prefixes as past keys and values"):
            checkpoint_gradients(backbone)
        return
    checkpoint_gradients(backbone)
    same(gradients(backbone), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", NATIVE)
def test_our_own_models_computed_twice_give_the_same_gradients(name: str) -> None:
    backbone, ids = native(name), NATIVE_IDS
    expected = gradients(backbone, ids)
    passes: list[int] = []
    adapter = next(m for m in backbone.trunk.modules() if isinstance(m, FusedLoraLinear))
    adapter.register_forward_hook(lambda *_: passes.append(1))
    checkpoint_gradients(backbone)
    same(gradients(backbone, ids), expected, rtol=1e-5, atol=1e-7)
    assert len(passes) == 2, "the layer was not computed a second time"


def in_bfloat16(backbone: Backbone, ids: torch.Tensor = IDS) -> dict[str, torch.Tensor]:
    with torch.autocast("cpu", torch.bfloat16):
        return gradients(backbone, ids)


@pytest.mark.parametrize("fused", [True, False])
@every_family
@every_method
def test_rounded_matrices_give_the_gradients_of_autocast(
    method: str, family: str, fused: bool
) -> None:
    """Bit for bit: autocast rounds the same numbers, only in every product."""
    backbone, _ = adapted(method, family)
    draw(backbone)
    if fused:
        fuse_adapters(backbone)
    expected = in_bfloat16(backbone)
    before = {name: p.clone() for name, p in backbone.named_parameters()}
    frozen = FrozenMatrices(backbone)
    frozen.round()
    same(in_bfloat16(backbone), expected, rtol=0, atol=0)
    for name, parameter in backbone.named_parameters():
        kept = parameter.requires_grad or "norm" in name.lower() or "embeddings" in name
        assert parameter.dtype == torch.float32 or not kept, name
    frozen.restore(plain(family).model)
    for name, parameter in backbone.named_parameters():
        assert torch.equal(parameter, before[name]), name


@pytest.mark.parametrize("name", NATIVE)
def test_of_our_own_models_too(name: str) -> None:
    backbone, ids = native(name), NATIVE_IDS
    expected = in_bfloat16(backbone, ids)
    frozen = FrozenMatrices(backbone)
    frozen.round()
    assert frozen.bytes_saved > 0
    same(in_bfloat16(backbone, ids), expected, rtol=0, atol=0)


def test_half_the_bytes_of_the_frozen_matrices_and_all_of_them_back() -> None:
    base = plain("bert")
    backbone = copy.deepcopy(base)
    inject_lora(backbone, rank=2, alpha=2, target_roles=("q", "v"))
    before = {name: p.clone() for name, p in backbone.named_parameters()}
    frozen = FrozenMatrices(backbone)
    frozen.round()
    # By pencil: in each of 2 layers q, k, v, o of 16 x 16 and two of 16 x 24, with biases.
    matrices = 2 * (4 * (16 * 16 + 16) + 2 * 16 * 24 + 16 + 24)
    assert frozen.bytes_saved == 2 * matrices
    rounded = [p for p in backbone.parameters() if p.dtype == torch.bfloat16]
    assert sum(p.numel() for p in rounded) == matrices
    frozen.restore(base.model)
    for name, parameter in backbone.named_parameters():
        assert torch.equal(parameter, before[name]), name


def test_what_trains_and_the_norms_of_dora_are_not_rounded() -> None:
    for method in ("full", "dora"):
        backbone, _ = adapted(method, "bert")
        FrozenMatrices(backbone).round()
        adapter_targets: Any = [
            p for n, p in backbone.named_parameters() if "base_layer" in n or method == "full"
        ]
        assert adapter_targets
        assert {p.dtype for p in adapter_targets} == {torch.float32}


def test_the_model_runs_as_before_outside_of_training() -> None:
    backbone = plain("bert")
    before = {m: m.training for m in backbone.modules()}
    FrozenMatrices(backbone)
    assert {m: m.training for m in backbone.modules()} == before
    assert backbone(IDS, MASK).dtype == torch.float32

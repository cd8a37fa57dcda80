"""Fused adapters are PEFT's own: outputs, training, saved files, and where they step aside."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft.tuners.adalora.layer import SVDLinear
from peft.tuners.lora.layer import Linear as LoraLinear
from safetensors.torch import load_file
from torch import nn

from dnaft.dropout import draw_dropped, draw_each, quicken_dropout
from dnaft.methods import fuse
from dnaft.methods.fuse import FusedLoraLinear, FusedSvdLinear, fuse_adapters
from dnaft.methods.lora import inject_lora
from dnaft.models.backbone import Backbone
from dnaft.saved_run import ADAPTER, save_model
from small_methods import IDS, MASK, adapted, logits, plain, train
from small_models import SHAPES

FUSED = ["lora", "rslora", "loraplus", "dora", "adalora", "adalora_rs"]
every_family = pytest.mark.parametrize("family", SHAPES)
every_fused = pytest.mark.parametrize("name", FUSED)


def draw_adapters(backbone: Backbone) -> None:
    torch.manual_seed(3)
    for name, parameter in backbone.named_parameters():
        if parameter.requires_grad and "task_head" not in name:
            with torch.no_grad():
                parameter.add_(torch.randn_like(parameter) * 0.3)


def pair(name: str, family: str) -> tuple[Backbone, Backbone]:
    """A backbone with drawn adapters as PEFT computes it, and its fused copy, in float64."""
    backbone, _ = adapted(name, family)
    draw_adapters(backbone)
    backbone.double()
    fused = copy.deepcopy(backbone)
    assert fuse_adapters(fused) > 0
    return backbone, fused


def gradients(backbone: Backbone) -> dict[str, torch.Tensor]:
    backbone.train()
    torch.manual_seed(5)
    backbone(IDS, MASK).square().sum().backward()
    return {n: p.grad for n, p in backbone.named_parameters() if p.grad is not None}


@every_family
@every_fused
def test_outputs_and_gradients_are_those_of_peft(name: str, family: str) -> None:
    backbone, fused = pair(name, family)
    torch.testing.assert_close(logits(fused), logits(backbone), rtol=1e-9, atol=1e-9)
    expected, found = gradients(backbone), gradients(fused)
    assert found.keys() == expected.keys()
    for key, gradient in expected.items():
        # PEFT divides the scale of SVD layers in float32.
        torch.testing.assert_close(found[key], gradient, rtol=1e-6, atol=1e-8)


@every_family
@every_fused
def test_training_and_what_is_saved_are_those_of_peft(
    name: str, family: str, tmp_path: Path
) -> None:
    losses, files = [], []
    for is_fused in (False, True):
        backbone, method = adapted(name, family)
        backbone.double()  # Adam makes full steps of gradients that are nothing but rounding
        if is_fused:
            fuse_adapters(backbone)
        losses.append(train(backbone, method, 12))
        folder = tmp_path / str(is_fused)
        save_model(backbone, folder)
        files.append(load_file(folder / ADAPTER / "adapter_model.safetensors"))
    torch.testing.assert_close(torch.tensor(losses[1]), torch.tensor(losses[0]), rtol=0, atol=1e-4)
    assert losses[0][-1] < losses[0][0]
    assert {n: t.shape for n, t in files[0].items()} == {n: t.shape for n, t in files[1].items()}


def test_in_mixed_precision_both_round_alike() -> None:
    backbone, fused = pair("lora", "bert")
    backbone.float()
    fused.float()
    with torch.autocast("cpu", torch.bfloat16):
        expected, found = logits(backbone), logits(fused)
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found.float(), expected.float(), rtol=0.05, atol=0.05)
    exact = logits(backbone)
    assert not torch.equal(exact.float(), found.float())


def fused_calls(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> int:
    calls = 0
    original = fuse.adapted_linear

    def counted(*args: Any, **kwargs: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(fuse, "adapted_linear", counted)
        backbone(IDS, MASK)
    return calls


def disable(backbone: Backbone) -> None:
    for module in backbone.modules():
        if isinstance(module, LoraLinear | SVDLinear):
            module.enable_adapters(False)


def merge(backbone: Backbone) -> None:
    for module in backbone.modules():
        if isinstance(module, LoraLinear | SVDLinear):
            module.merge()


def train_matrices(backbone: Backbone) -> None:
    for module in backbone.modules():
        if isinstance(module, LoraLinear | SVDLinear):
            module.get_base_layer().weight.requires_grad_(True)


@pytest.mark.parametrize("change", [disable, merge, train_matrices])
@pytest.mark.parametrize("name", ["lora", "dora", "adalora"])
def test_it_steps_aside_where_a_layer_computes_something_else(
    name: str, change: Callable[[Backbone], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone, fused = pair(name, "bert")
    layers = sum(isinstance(m, FusedLoraLinear | FusedSvdLinear) for m in fused.modules())
    assert fused_calls(fused, monkeypatch) == layers == 12
    change(backbone)
    change(fused)
    assert fused_calls(fused, monkeypatch) == 0
    torch.testing.assert_close(logits(fused), logits(backbone), rtol=1e-9, atol=1e-9)


def test_dropout_of_dora_has_the_mean_of_peft_s_and_less_noise() -> None:
    """PEFT drops a part of the frozen matrix's input, too: 4,000 draws of one layer each."""
    torch.manual_seed(1)
    fused, unfused = (plain("bert") for _ in range(2))
    for backbone in (fused, unfused):
        torch.manual_seed(2)
        inject_lora(backbone, 3, 6, ("q",), dropout=0.5, weight_decomposed=True)
        draw_adapters(backbone)
    fuse_adapters(fused)
    x = torch.randn(1, 1, 16).expand(1, 4000, 16)
    found = []
    for backbone in (fused, unfused):
        layer = next(m for m in backbone.modules() if isinstance(m, LoraLinear))
        whole = layer.eval()(x[:, :1]).flatten()
        drawn = layer.train()(x)[0].detach()
        noise = drawn.std(dim=0)
        assert ((drawn.mean(dim=0) - whole).abs() < 5 * noise / 4000**0.5 + 1e-9).all()
        found.append(noise.mean())
    assert found[0] < found[1]


def test_dropout_acts_in_training_alone() -> None:
    backbone = plain("bert")
    inject_lora(backbone, 3, 6, ("q", "v"), dropout=0.5)
    draw_adapters(backbone)
    fuse_adapters(backbone)
    for module in backbone.modules():
        if isinstance(module, nn.Dropout) and module.p != 0.5:
            module.p = 0.0
    first, second = (backbone.train()(IDS, MASK) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(logits(backbone), logits(backbone))


def test_adapters_draw_as_their_dropout_does() -> None:
    """`fast.dropout`: what stays torch's own module takes one random number an entry."""
    backbone = plain("bert")
    inject_lora(backbone, 3, 6, ("q",), dropout=0.5)
    fuse_adapters(backbone)
    layer = next(m for m in backbone.modules() if isinstance(m, FusedLoraLinear)).train()
    x = torch.randn(2, 5, 16)

    def state_after(draw: Callable[[], object]) -> torch.Tensor:
        torch.manual_seed(0)
        draw()
        return torch.get_rng_state()

    slow = state_after(lambda: draw_each(x.shape, 0.5, x.device))
    quick = state_after(lambda: draw_dropped(x.shape, 0.5, x.device))
    assert not torch.equal(slow, quick)
    assert torch.equal(state_after(lambda: layer(x)), slow)
    quicken_dropout(backbone)
    assert torch.equal(state_after(lambda: layer(x)), quick)


def test_other_methods_stay_as_they_are() -> None:
    for name in ("ia3", "loha", "full", "bottleneck"):
        backbone, _ = adapted(name, "bert")
        kinds = [type(m) for m in backbone.modules()]
        assert fuse_adapters(backbone) == 0
        assert [type(m) for m in backbone.modules()] == kinds

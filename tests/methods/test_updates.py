"""What each adapter adds to a matrix, in float64 and by plain matrices."""

import math
from typing import Any

import pytest
import torch
from peft.optimizers import create_loraplus_optimizer

from dnaft.methods.bottleneck import inject_bottleneck
from dnaft.methods.lora import inject_lora
from dnaft.methods.products import inject_loha, inject_lokr
from dnaft.methods.vera import inject_vera
from dnaft.models.backbone import Backbone
from dnaft.optimization import AdamW
from small_methods import plain

FC2 = "encoder.layer.0.output.dense"  # 24 to 16


def drawn(backbone: Backbone) -> tuple[Any, dict[str, torch.Tensor]]:
    """Draw all adapter weights anew; return the adapted fc2 of the first layer and its weights."""
    backbone.double().eval()
    torch.manual_seed(1)
    layer = backbone.trunk.get_submodule(FC2)
    for name, parameter in backbone.named_parameters():
        if "task_head" not in name and parameter.requires_grad:
            torch.nn.init.normal_(parameter)
    return layer, {n.split(".")[0]: p.detach() for n, p in layer.named_parameters()}


def check(layer: Any, update: torch.Tensor) -> None:
    x = torch.randn(3, 24, dtype=torch.float64)
    base = layer.get_base_layer()
    expected = x @ (base.weight + update).T + base.bias
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(("stabilised", "scale"), [(False, 12 / 4), (True, 12 / 2)])
def test_lora_scales_by_the_rank_and_rslora_by_its_root(stabilised: bool, scale: float) -> None:
    backbone = plain("bert")
    inject_lora(backbone, 4, 12, ("fc2",), rank_stabilised=stabilised)
    layer, w = drawn(backbone)
    check(layer, scale * w["lora_B"] @ w["lora_A"])


def test_loha_is_a_product_entry_by_entry() -> None:
    backbone = plain("bert")
    inject_loha(backbone, 4, 8, ("fc2",))
    layer, w = drawn(backbone)
    first, second = w["hada_w1_a"] @ w["hada_w1_b"], w["hada_w2_a"] @ w["hada_w2_b"]
    check(layer, 8 / 4 * first * second)


@pytest.mark.parametrize(("rank", "split"), [(2, True), (3, False)])
def test_lokr_is_a_kronecker_product(rank: int, split: bool) -> None:
    backbone = plain("bert")
    inject_lokr(backbone, rank, 8, ("fc2",))
    layer, w = drawn(backbone)
    assert ("lokr_w2" not in w) == split
    second = w["lokr_w2_a"] @ w["lokr_w2_b"] if split else w["lokr_w2"]
    assert w["lokr_w1"].shape == (4, 4)  # 16 = 4 * 4 and 24 = 4 * 6
    assert second.shape == (4, 6)
    blocks = [torch.cat([c * second for c in row], dim=1) for row in w["lokr_w1"]]
    check(layer, 8 / rank * torch.cat(blocks))


def test_vera_scales_rows_of_shared_random_matrices() -> None:
    backbone = plain("bert")
    inject_vera(backbone, 4, ("q", "fc1", "fc2"))
    layer, w = drawn(backbone)
    shared: Any = backbone.model.base_model
    a, b = shared.vera_A["default"], shared.vera_B["default"]
    assert a.shape == (4, 24)
    assert b.shape == (24, 4)
    check(layer, w["vera_lambda_b"][:, None] * b[:16] @ (w["vera_lambda_d"][:, None] * a))


def test_the_projections_of_vera_follow_from_their_seed() -> None:
    found = []
    for seed in (3, 3, 4):
        backbone = plain("bert")
        inject_vera(backbone, 4, ("fc2",), projection_seed=seed)
        shared: Any = backbone.model.base_model
        found.append(shared.vera_A["default"])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_bottleneck_stands_in_front_of_the_residual_sum() -> None:
    """The feed-forward block of a BERT written out: matrices, adapter, sum, norm."""
    backbone = plain("bert")
    inject_bottleneck(backbone, 5, ("o", "fc2"))
    backbone.double().eval()
    torch.manual_seed(1)
    for name, parameter in backbone.named_parameters():
        if "bottleneck" in name:
            torch.nn.init.normal_(parameter)
    layer = backbone.model.get_submodule("encoder.layer.0")
    w = dict(layer.named_parameters())
    x = torch.randn(3, 16, dtype=torch.float64)

    def gelu(t: torch.Tensor) -> torch.Tensor:
        return t * 0.5 * (1 + torch.erf(t / math.sqrt(2)))

    def linear(name: str, t: torch.Tensor) -> torch.Tensor:
        return t @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    y = linear("output.dense", gelu(linear("intermediate.dense", x)))
    down, up = "output.dense.bottleneck.down", "output.dense.bottleneck.up"
    y = y + linear(up, gelu(linear(down, y))) + x
    y = (y - y.mean(-1, keepdim=True)) / (y.var(-1, keepdim=True, unbiased=False) + 1e-12).sqrt()
    expected = y * w["output.LayerNorm.weight"] + w["output.LayerNorm.bias"]
    got = layer.output(layer.intermediate(x), x)  # type: ignore[operator]
    torch.testing.assert_close(got, expected)


def test_without_norms_a_bottleneck_trains_nothing_else() -> None:
    backbone = plain("bert")
    inject_bottleneck(backbone, 5, ("o", "fc2"), norms=False)
    trained = [n for n, p in backbone.named_parameters() if p.requires_grad]
    assert all("bottleneck" in n or "task_head" in n for n in trained)


def test_the_rates_of_loraplus_are_those_of_pefts_optimiser() -> None:
    backbone = plain("bert")
    inject_lora(backbone, 4, 8, ("q", "fc2"), lr_ratio=16.0)
    ours, _ = AdamW(lr=0.5).build(backbone.named_parameters(), 10, backbone.rate_factors)
    peft: Any = backbone.model
    theirs = create_loraplus_optimizer(peft, torch.optim.AdamW, lr=0.5, loraplus_lr_ratio=16.0)
    names = {p: n for n, p in backbone.named_parameters()}

    def rates(optimizer: torch.optim.Optimizer, key: str) -> dict[str, float]:
        return {
            names[p]: group[key]
            for group in optimizer.param_groups
            for p in group["params"]
            if "task_head" not in names[p]  # a bias of the head has the rate of B there
        }

    assert rates(ours, "initial_lr") == rates(theirs, "lr")
    assert set(rates(ours, "initial_lr").values()) == {0.5, 8.0}

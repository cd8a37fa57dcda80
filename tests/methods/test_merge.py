"""Merged weights give the logits of the adapted model, or the reason why there are none."""

from typing import Any

import pytest
import torch
from peft import PrefixTuningConfig, get_peft_model
from torch import nn

from dnaft.methods.adalora import inject_adalora
from dnaft.methods.ia3 import inject_ia3
from dnaft.methods.lora import inject_lora
from dnaft.methods.merge import find_quantisation, merge_adapter
from dnaft.models.backbone import Backbone
from small_models import small_backbone

ROLES = {
    "k": "encoder.layer.{layer}.attention.self.key",
    "fc1": "encoder.layer.{layer}.intermediate.dense",
    "fc2": "encoder.layer.{layer}.output.dense",
}
INJECTIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "adalora": (inject_adalora, {"rank": 3, "alpha": 40}),
    "lora": (inject_lora, {"rank": 3, "alpha": 40}),
    "dora": (inject_lora, {"rank": 3, "alpha": 40, "weight_decomposed": True}),
    "ia3": (inject_ia3, {}),
}


def adapted(name: str) -> Backbone:
    torch.manual_seed(2)
    backbone = small_backbone("bert", ROLES, "mean")
    backbone.attach_head(2)
    inject, settings = INJECTIONS[name]
    inject(backbone, target_roles=("k", "fc1", "fc2"), **settings)
    for parameter in backbone.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    return backbone.eval()


@pytest.mark.parametrize("name", INJECTIONS)
def test_logits_stay_and_no_adapter_does(name: str) -> None:
    backbone = adapted(name)
    ids = torch.arange(5, 65).reshape(5, 12)
    with torch.no_grad():
        want = backbone(ids, torch.ones_like(ids))
        merge_adapter(backbone)
        found = backbone.eval()(ids, torch.ones_like(ids))
    assert want.std() > 0.1
    torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-5)
    plain = small_backbone("bert", ROLES, "mean")
    plain.attach_head(2)
    assert backbone.state_dict().keys() == plain.state_dict().keys()
    merge_adapter(backbone)  # nothing left to do


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"quant_method": "bitsandbytes"}, r"quantised \(bitsandbytes\)"), (None, r"\(uint8\)")],
)
def test_a_quantised_base_is_refused(settings: dict[str, str] | None, message: str) -> None:
    backbone = adapted("lora")
    trunk: Any = backbone.trunk
    assert find_quantisation(trunk) is None
    if settings is not None:
        trunk.config.quantization_config = settings
    else:
        packed = torch.zeros(16, 8, dtype=torch.uint8)  # as bitsandbytes packs 4-bit weights
        layer = trunk.get_submodule(ROLES["k"].format(layer=0)).get_base_layer()
        layer.weight = nn.Parameter(packed, requires_grad=False)
    with pytest.raises(ValueError, match=message):
        merge_adapter(backbone)


def test_what_changes_no_weight_is_refused() -> None:
    backbone = small_backbone("opt", {}, "mean")
    backbone.attach_head(1)
    model: Any = backbone.model
    settings = PrefixTuningConfig(num_virtual_tokens=2, task_type="FEATURE_EXTRACTION")
    backbone.model = get_peft_model(model, settings)
    with pytest.raises(ValueError, match="prefix_tuning adds input to the model"):
        merge_adapter(backbone)

"""SVD adapters are saved as LoRA adapters without the triplets that were pruned."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from dnaft.flops import count_flops
from dnaft.methods.adalora import inject_adalora
from dnaft.methods.ia3 import inject_ia3
from dnaft.methods.lora import inject_lora
from dnaft.methods.plain_lora import save_as_lora
from dnaft.methods.triplets import find_triplets
from dnaft.models.backbone import Backbone
from dnaft.saved_run import save_model
from rank_runs import ROLES, fit, module, ranks, sampler
from small_models import SHAPES, small_backbone

IDS = torch.arange(5, 65).reshape(5, 12)
MASK = torch.ones_like(IDS)


def logits(backbone: Backbone) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = backbone.eval()(IDS, MASK)
    return found


def pruned(ranks_wanted: list[int], rank: int = 6, alpha: float = 10) -> Backbone:
    """A BERT of as many layers as need be, whose q and v have these ranks, in no order."""
    torch.manual_seed(5)
    architecture = SHAPES["bert"] | {"num_hidden_layers": len(ranks_wanted) // 2}
    backbone = small_backbone("bert", ROLES, "mean", architecture=architecture)
    backbone.attach_head(1)
    inject_adalora(backbone, rank, alpha, ("q", "v"), vectors="orthonormal")
    torch.nn.init.normal_(backbone.head.modules_to_save["default"].linear.weight)  # type: ignore[union-attr,index]
    for group, wanted in zip(find_triplets(backbone), ranks_wanted, strict=True):
        kept = torch.randperm(rank)[:wanted]
        with torch.no_grad():
            group.values[kept] = torch.randn(wanted, 1)
    return backbone


def reload(backbone: Backbone, folder: Path) -> tuple[Backbone, Any]:
    """Put what was saved onto the same frozen weights, by plain PEFT."""
    fresh = copy.deepcopy(backbone)
    base: Any = fresh.model
    trunk = base.unload()
    fresh.model = PeftModel.from_pretrained(trunk, str(folder / "adapter"))
    return fresh, fresh.model


def test_a_trained_model_keeps_its_logits(tmp_path: Path) -> None:
    tuner = fit(sampler(), tuner=module(alpha=40))
    save_model(tuner.backbone, tmp_path)
    loaded, model = reload(tuner.backbone, tmp_path)
    want = logits(tuner.backbone)
    assert want.std() > 1e-3
    torch.testing.assert_close(logits(loaded), want, rtol=0, atol=1e-6)
    assert model.peft_config["default"].peft_type == "LORA"
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    rows = [t.shape[0] for name, t in saved.items() if name.endswith("lora_A.weight")]
    assert sorted(rows) == sorted(rank for rank in ranks(tuner) if rank)


def test_each_matrix_has_its_own_rank_and_none_of_rank_0_is_adapted(tmp_path: Path) -> None:
    """Twelve layers: the names of layers 1 and 11, 0 and 10 must not be taken for each other."""
    wanted = [1, 0, 2, 3, 0, 0, 4, 5, 6, 1, 2, 0, 3, 3, 0, 1, 1, 1, 2, 6, 5, 4, 6, 2]
    backbone = pruned(wanted)
    save_model(backbone, tmp_path)
    loaded, model = reload(backbone, tmp_path)
    torch.testing.assert_close(logits(loaded), logits(backbone), rtol=1e-5, atol=1e-5)
    modules = dict(model.get_base_model().named_modules())
    for (name, _), rank in zip(
        ((n, role) for n, (_, role) in backbone.matrices.items() if role in "qv"),
        wanted,
        strict=True,
    ):
        layer: Any = modules[name]
        assert hasattr(layer, "lora_A") == (rank > 0)
        if rank:
            assert layer.lora_A["default"].weight.shape == (rank, 16)
            assert layer.scaling["default"] == 1.0
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert len(config["rank_pattern"]) == sum(rank > 0 for rank in wanted)


@pytest.mark.parametrize("rank", [2, 6])
def test_the_update_is_p_lambda_q_times_alpha_over_the_initial_rank(
    rank: int, tmp_path: Path
) -> None:
    backbone = pruned([2, 1, 0, 2], rank=rank)
    save_model(backbone, tmp_path)
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    for group in find_triplets(backbone):
        layer, role = group.name.split(".")
        name = f"base_model.model.{ROLES[role].format(layer=int(layer))}"
        update = group.left.double() @ torch.diag(group.values.double().flatten())
        update = update @ group.right.double() * 10 / rank
        if not group.values.any():
            assert not [key for key in saved if key.startswith(name)]
            continue
        product = saved[f"{name}.lora_B.weight"].double() @ saved[f"{name}.lora_A.weight"].double()
        # PEFT's own scale is alpha / (rank + 1e-5).
        torch.testing.assert_close(product, update.detach(), rtol=1e-5, atol=1e-6)


def test_the_files_are_smaller_by_what_was_pruned(tmp_path: Path) -> None:
    backbone = pruned([2, 1, 0, 2])
    backbone.model.save_pretrained(str(tmp_path / "svd"))  # type: ignore[operator]
    save_model(backbone, tmp_path)

    def size(folder: str) -> int:
        tensors = load_file(tmp_path / folder / "adapter_model.safetensors")
        return sum(t.numel() for name, t in tensors.items() if "task_head" not in name)

    assert size("svd") == 4 * 6 * (16 + 16 + 1)
    assert size("adapter") == 5 * (16 + 16)
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


def test_the_saved_adapter_computes_what_was_kept_alone(tmp_path: Path) -> None:
    backbone = pruned([2, 1, 0, 2])
    save_model(backbone, tmp_path)
    loaded, _ = reload(backbone, tmp_path)
    svd, lora = (count_flops(lambda model=model: logits(model)) for model in (backbone, loaded))  # type: ignore[misc]
    assert svd - lora == (4 * 6 - 5) * 2 * (16 + 16) * IDS.numel()


def test_a_model_without_any_triplet_left_still_has_its_head(tmp_path: Path) -> None:
    backbone = pruned([0, 0, 0, 0])
    save_model(backbone, tmp_path)
    loaded, model = reload(backbone, tmp_path)
    assert logits(backbone).std() > 1e-3
    torch.testing.assert_close(logits(loaded), logits(backbone), rtol=0, atol=1e-6)
    assert list(model.peft_config["default"].rank_pattern.values()) == [1]


def test_other_adapters_are_left_to_peft(tmp_path: Path) -> None:
    for inject in (inject_lora, inject_ia3):
        backbone = small_backbone("bert", ROLES, "mean")
        backbone.attach_head(1)
        settings: dict[str, Any] = {"target_roles": ("q", "v")}
        if inject is inject_lora:
            settings |= {"rank": 2, "alpha": 4}
        inject(backbone, **settings)
        assert isinstance(backbone.model, PeftModel)
        assert not save_as_lora(backbone.model, tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()

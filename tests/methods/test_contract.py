"""What every method promises, over every yaml in conf/method and three architectures."""

import copy
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from dnaft.config import build
from dnaft.methods.merge import merge_adapter
from dnaft.models.backbone import Backbone
from dnaft.record import RunRecord
from dnaft.saved_run import ADAPTER, BASE, load_model, save_base, save_model
from small_methods import (
    IDS,
    MASK,
    METHODS,
    PROMPTS,
    adapted,
    logits,
    method_config,
    plain,
    roles_of,
    rows_of_docs,
    train,
)
from small_models import SHAPES, small_backbone

every_method = pytest.mark.parametrize("name", METHODS)
every_family = pytest.mark.parametrize("family", SHAPES)
# Of no use to the hidden states; a parameter by type only; singular values, which are pruned.
_MAY_STAY = ("contact_head", "ranknum", "lora_E")


@dataclass
class Trained:
    """A backbone before and after some steps.

    Attributes:
        backbone: The trained backbone.
        losses: One a step.
        before: Its parameters before.
        trainable: Which of them were to train.
    """

    backbone: Backbone
    losses: list[float]
    before: dict[str, torch.Tensor]
    trainable: set[str]


@functools.cache
def trained(name: str, family: str) -> Trained:
    backbone, method = adapted(name, family)
    before = {n: p.detach().clone() for n, p in backbone.named_parameters()}
    trainable = {n for n, p in backbone.named_parameters() if p.requires_grad}
    return Trained(backbone, train(backbone, method), before, trainable)


@every_family
@every_method
def test_injection_leaves_the_output_as_it_was_where_the_docs_say_so(
    name: str, family: str
) -> None:
    backbone, _ = adapted(name, family)
    before, after = logits(plain(family)), logits(backbone)
    if name in PROMPTS:
        assert (before - after).abs().max() > 1e-6
    else:
        torch.testing.assert_close(after, before, rtol=0, atol=1e-6)
    says = {"peft": "by method"}.get(name, "changed" if name in PROMPTS else "unchanged")
    assert rows_of_docs()[name][3] == says


@every_family
@every_method
def test_the_loss_falls(name: str, family: str) -> None:
    losses = trained(name, family).losses
    assert sum(losses[-8:]) < sum(losses[:8])


@every_family
@every_method
def test_the_base_stays_frozen_bit_for_bit_and_all_else_moves(name: str, family: str) -> None:
    run = trained(name, family)
    assert {n for n, p in run.backbone.named_parameters() if p.requires_grad} == run.trainable
    for parameter, now in run.backbone.named_parameters():
        if any(part in parameter for part in _MAY_STAY):
            continue
        same = torch.equal(now, run.before[parameter])
        assert same == (parameter not in run.trainable), parameter


@every_family
@every_method
def test_a_saved_run_gives_the_same_logits(name: str, family: str, tmp_path: Path) -> None:
    backbone = trained(name, family).backbone
    save_base(plain(family), tmp_path / BASE)
    save_model(backbone, tmp_path)
    model = {
        "_target_": "dnaft.models.load.load_backbone",
        "name": f"small {family}",
        "roles": roles_of(family),
        "pooling": "mean",
        "max_tokens": 64,
    }
    RunRecord(
        task="a task",
        model=family,
        method=name,
        seed=1,
        # In four bits: tests/end_to_end/test_quantised.py.
        config={
            "model": model,
            "method": {**method_config(name), "quantise": None},
            "task": {"outputs": 1},
        },
        code_version="0",
        data={"tokens": {"train": {"max": 12}}},
        parameters={"trainable": 1, "total": 1, "fraction": 1.0},
        scores={"dev": {}, "test": {}},
        chosen={"step": 1, "metric": "mcc", "value": 0.0},
        timing={"seconds": 1.0},
    ).write(tmp_path / "result.json")
    loaded, _ = load_model(tmp_path)
    torch.testing.assert_close(logits(loaded), logits(backbone), rtol=0, atol=1e-6)
    with torch.no_grad():
        before, after, again = (b.encode(IDS, MASK) for b in (plain(family), backbone, loaded))
    # Singular value decompositions are saved as products, rounded once more.
    torch.testing.assert_close(again, after, rtol=0, atol=3e-6)
    if name == "linear_probe":
        assert (logits(backbone) - logits(plain(family))).abs().max() > 1e-2
    else:
        assert (after - before).abs().max() > 1e-3, "what was not trained proves nothing"
    # What was trained is small beside the model, and is all that is written beside the base.
    if name not in ("full", "partial"):
        written = sum(f.stat().st_size for f in tmp_path.rglob("*.safetensors"))
        base = sum(f.stat().st_size for f in (tmp_path / BASE).iterdir())
        assert written < 2 * base
        assert (tmp_path / ADAPTER).is_dir() == hasattr(backbone.model, "peft_config")


@every_family
@every_method
def test_merged_it_is_the_plain_model_with_the_same_logits_or_the_docs_say_no(
    name: str, family: str
) -> None:
    run = trained(name, family).backbone
    backbone = copy.deepcopy(run)
    if rows_of_docs()[name][6] == "no" and hasattr(backbone.model, "peft_config"):
        with pytest.raises(ValueError, match="changes no weight to merge into"):
            merge_adapter(backbone)
        return
    merge_adapter(backbone)
    fits = set(backbone.state_dict()) == set(plain(family).state_dict())
    assert fits == (rows_of_docs()[name][6] != "no")
    torch.testing.assert_close(logits(backbone), logits(run), rtol=1e-5, atol=1e-5)


@every_family
@every_method
def test_gradients_under_bfloat16_are_finite_and_reach_all_that_trains(
    name: str, family: str
) -> None:
    """As trainer.precision=bf16-mixed computes them; the weights stay in float32."""
    backbone = trained(name, family).backbone.train()
    backbone.zero_grad()
    ids = torch.arange(5, 77).reshape(6, 12)
    with torch.autocast("cpu", torch.bfloat16):
        output = backbone(ids, torch.ones_like(ids))
    torch.nn.functional.binary_cross_entropy_with_logits(
        output.float().squeeze(1), torch.tensor([0.0, 1.0] * 3)
    ).backward()
    for parameter, weights in backbone.named_parameters():
        if weights.requires_grad and not any(part in parameter for part in _MAY_STAY):
            assert weights.dtype == torch.float32
            assert weights.grad is not None, parameter
            assert torch.isfinite(weights.grad).all(), parameter
    backbone.zero_grad()


def test_values_without_meaning_are_refused_with_their_key() -> None:
    backbone = small_backbone("bert", roles_of("bert"), "mean")
    backbone.attach_head(1)
    for method, changes, message in [
        ("lora", {"rank": -1}, "rank must be above 0, got -1"),
        ("lora", {"alpha": 0}, "alpha must be above 0, got 0"),
        ("lora", {"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1.0"),
        ("lora", {"target_roles": ["q", "x"]}, "role 'x' matches no module"),
        ("lora", {"target_roles": []}, "target_roles is empty"),
        ("loraplus", {"lr_ratio": 0.0}, "lr_ratio must be above 0, got 0.0"),
        ("loha", {"rank": 0}, "rank must be above 0, got 0"),
        ("lokr", {"alpha": -2}, "alpha must be above 0, got -2"),
        ("vera", {"initial_d": 0.0}, "initial_d must be above 0, got 0.0"),
        ("bottleneck", {"size": 0}, "size must be above 0, got 0"),
        ("partial", {"top_layers": 3}, r"top_layers must lie in 0\.\.2, the layers of small bert"),
        ("partial", {"layer_decay": 0.0}, r"layer_decay must lie in \(0, 1\], got 0.0"),
        ("full", {"layer_decay": 1.5}, r"layer_decay must lie in \(0, 1\], got 1.5"),
    ]:
        inject: dict[str, Any] = method_config(method)["inject"]
        with pytest.raises(ValueError, match=f"method.inject: {message}"):
            build({**inject, **changes}, "method.inject")(backbone)

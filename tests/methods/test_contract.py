"""What every method promises, over every yaml in conf/method and four architectures."""

import copy
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

from composing import composed
from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.config import build
from dnaft.errors import InputError
from dnaft.finetuner import FineTuner
from dnaft.methods.merge import merge_adapter
from dnaft.models.backbone import Backbone
from dnaft.models.head import TaskHead
from dnaft.record import RunRecord
from dnaft.run import adapt
from dnaft.saved_run import ADAPTER, BASE, load_model, save_base, save_model
from rank_runs import QUIET
from small_methods import (
    IDS,
    MASK,
    METHODS,
    PROMPTS,
    batches,
    logits,
    method_config,
    roles_of,
    rows_of_docs,
    train,
)
from small_methods import plain as plain_of_shape
from small_models import SHAPES, built, shrink, small_backbone, small_node
from small_runs import interrupted_in_epoch

UNET = "nucleotide_unet"  # the architecture of the default model; its head has two parts more
FAMILIES = (*SHAPES, UNET)
QUICK = ("bert",)  # where one family is enough for every day
# Its attention sees groups of bases, so what needs positions there has no place.
REFUSED = [name for name in METHODS if "attention" in rows_of_docs()[name][4]]
# Of no use to the hidden states; a parameter by type only; singular values, which are pruned.
_MAY_STAY = ("contact_head", "ranknum", "lora_E")


def cases(quick: Iterable[str] = FAMILIES) -> pytest.MarkDecorator:
    """Every method on every family that takes it; families that are not `quick` are slow."""
    return pytest.mark.parametrize(
        ("name", "family"),
        [
            pytest.param(name, family, marks=() if family in quick else pytest.mark.slow)
            for family in FAMILIES
            for name in METHODS
            if family != UNET or name not in REFUSED
        ],
    )


def node_of(family: str) -> dict[str, Any]:
    if family == UNET:
        small = shrink(small_node(UNET)["architecture"]) | {"vocab_size": 80, "stem_width": 12}
        # Maps of width 16 with the usual 0.02 pass hardly anything on, so no adapter would matter.
        return small_node(UNET, architecture=small | {"initializer_range": 0.25})
    return {
        "_target_": "dnaft.models.load.load_backbone",
        "name": f"small {family}",
        "roles": roles_of(family),
        "pooling": "mean",
        "max_tokens": 64,
    }


def plain(family: str) -> Backbone:
    """A small backbone with a head, and no method yet."""
    if family != UNET:
        return plain_of_shape(family)
    seed_everything(7, verbose=False)
    backbone = built(node_of(family))
    backbone.attach_head(1, positions=IDS.shape[1])
    return backbone


def adapted(name: str, family: str) -> tuple[Backbone, dict[str, Any]]:
    """The same backbone as a run adapts it, and what the method's yaml says; alike in each call."""
    backbone, method = plain(family), method_config(name)
    adapt(backbone, {"method": method, "fast": composed()["fast"]})
    return backbone, method


def begin(name: str, family: str) -> tuple[FineTuner, list[Callback]]:
    """What `small_methods.train` trains, and the callbacks of the method."""
    backbone, method = adapted(name, family)
    optimizer = {**method["optimizer"], "lr": 2e-2, "warmup_fraction": 0.0}
    module = FineTuner(
        backbone,
        "binary",
        1,
        build(optimizer, "method.optimizer"),
        method["orthogonality_weight"],
    )
    return module, list(build(method["callbacks"], "method.callbacks").values())


class Watch(Callback):
    """Note the loss of each step, and the precision of the head's products."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.dtypes: set[torch.dtype] = set()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for head in (m for m in pl_module.modules() if isinstance(m, TaskHead)):
            head.linear.register_forward_hook(lambda *call: self.dtypes.add(call[2].dtype))

    def on_train_batch_end(self, trainer: Trainer, *_: object, **__: object) -> None:
        self.losses.append(float(trainer.callback_metrics["train/loss"]))


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


def check_what_moved(
    backbone: Backbone,
    before: dict[str, torch.Tensor],
    trainable: set[str],
    may_stay: tuple[str, ...] = _MAY_STAY,
) -> None:
    for parameter, now in backbone.named_parameters():
        if not any(part in parameter for part in may_stay):
            same = torch.equal(now, before[parameter])
            assert same == (parameter not in trainable), parameter


def saved_and_loaded(backbone: Backbone, name: str, family: str, folder: Path) -> Backbone:
    """The model as `load_model` finds it in the folder of a run."""
    save_base(plain(family), folder / BASE)
    save_model(backbone, folder)
    RunRecord(
        task="a task",
        model=family,
        method=name,
        seed=1,
        # In four bits: tests/end_to_end/test_quantised.py.
        config={
            "model": node_of(family),
            "method": {**method_config(name), "quantise": None},
            "task": {"outputs": 1},
        },
        code_version="0",
        data={"tokens": {"train": {"max": IDS.shape[1]}}},
        parameters={"trainable": 1, "total": 1, "fraction": 1.0},
        scores={"dev": {}, "test": {}},
        chosen={"step": 1, "metric": "mcc", "value": 0.0},
        timing={"seconds": 1.0},
    ).write(folder / "result.json")
    return load_model(folder)[0]


@cases()
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


@cases()
def test_the_loss_falls(name: str, family: str) -> None:
    losses = trained(name, family).losses
    assert sum(losses[-8:]) < sum(losses[:8])


@cases()
def test_the_base_stays_frozen_bit_for_bit_and_all_else_moves(name: str, family: str) -> None:
    run = trained(name, family)
    assert {n for n, p in run.backbone.named_parameters() if p.requires_grad} == run.trainable
    check_what_moved(run.backbone, run.before, run.trainable)


@cases()
def test_a_saved_run_gives_the_same_logits(name: str, family: str, tmp_path: Path) -> None:
    backbone = trained(name, family).backbone
    loaded = saved_and_loaded(backbone, name, family, tmp_path)
    torch.testing.assert_close(logits(loaded), logits(backbone), rtol=0, atol=1e-6)
    with torch.no_grad():
        before, after, again = (b.encode(IDS, MASK) for b in (plain(family), backbone, loaded))
    # Singular value decompositions are saved as products, rounded once more, and other adapters
    # compute as PEFT does when they are loaded.
    torch.testing.assert_close(again, after, rtol=0, atol=1e-5)
    if name == "linear_probe":
        assert (logits(backbone) - logits(plain(family))).abs().max() > 1e-2
    else:
        assert (after - before).abs().max() > 1e-4, "what was not trained proves nothing"
    # What was trained is small beside the model, and is all that is written beside the base.
    if name not in ("full", "partial"):
        written = sum(f.stat().st_size for f in tmp_path.rglob("*.safetensors"))
        base = sum(f.stat().st_size for f in (tmp_path / BASE).iterdir())
        assert written < 2 * base
        assert (tmp_path / ADAPTER).is_dir() == hasattr(backbone.model, "peft_config")


@cases()
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


@cases()
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


@cases(quick=QUICK)
def test_training_in_bfloat16_learns_in_float32_weights(
    name: str, family: str, tmp_path: Path
) -> None:
    module, callbacks = begin(name, family)
    backbone = module.backbone
    before = {n: p.detach().clone() for n, p in backbone.named_parameters()}
    trainable = {n for n, p in backbone.named_parameters() if p.requires_grad}
    watch = Watch()
    trainer = Trainer(
        max_steps=24,
        precision="bf16-mixed",
        callbacks=[*callbacks, watch],
        enable_checkpointing=False,
        **QUIET,
    )
    trainer.fit(module, batches(24))
    assert watch.dtypes == {torch.bfloat16}
    assert sum(watch.losses[-8:]) < sum(watch.losses[:8])
    # d of VeRA on keys: its gradient, a product with b, which is still near 0, may be below Adam's
    # epsilon, and then the step is lost in float32.
    check_what_moved(backbone, before, trainable, (*_MAY_STAY, "k_proj.vera_lambda_d"))
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}
    states = trainer.optimizers[0].state.values()
    assert {tensor.dtype for state in states for tensor in state.values()} == {torch.float32}
    # Scores are computed in float32, so what is lost is what float32 loses: bfloat16, with 8 bits
    # of 24, would be off by 1e-2.
    loaded = saved_and_loaded(backbone, name, family, tmp_path)
    torch.testing.assert_close(logits(loaded), logits(backbone), rtol=1e-6, atol=1e-6)


@cases(quick=QUICK)
def test_a_resumed_run_is_the_straight_one_bit_for_bit(
    name: str, family: str, tmp_path: Path
) -> None:
    """Of four epochs of two steps it is interrupted after the first and after the third.

    Masks are drawn at steps 1 to 5 and then held, as the last quarter, or 0.3, is final: so the
    first time draws are still to come, the second time what was drawn must be kept.
    """

    def run(
        folder: str, resume: Path | None = None
    ) -> tuple[FineTuner, Trainer, RankSampler | None]:
        module, callbacks = begin(name, family)
        if resume is not None:  # what trains is to come from the checkpoint alone
            for parameter in module.parameters():
                parameter.data.mul_(0 if parameter.requires_grad else 1)
        keep = ModelCheckpoint(tmp_path / folder, save_last=True)
        trainer = Trainer(
            max_epochs=4, limit_train_batches=2, callbacks=[*callbacks, keep], **QUIET
        )
        trainer.fit(module, batches(4), ckpt_path=resume, weights_only=True)
        return module, trainer, next((c for c in callbacks if isinstance(c, RankSampler)), None)

    straight, of_straight, draws = run("straight")
    first, second = (tmp_path / folder / "last.ckpt" for folder in ("first", "second"))
    with interrupted_in_epoch(1):
        run("first")
    with interrupted_in_epoch(3):
        run("second", resume=first)
    resumed, of_resumed, draws_again = run("third", resume=second)
    steps = [torch.load(file, weights_only=True)["global_step"] for file in (first, second)]
    assert steps == [2, 6]

    state = resumed.state_dict()
    assert state.keys() == straight.state_dict().keys()
    for key, tensor in straight.state_dict().items():
        assert torch.equal(state[key], tensor), key
    moments, again = (t.optimizers[0].state_dict()["state"] for t in (of_straight, of_resumed))
    torch.testing.assert_close(again, moments, rtol=0, atol=0)
    assert (draws is not None) == ("rank_sampler" in method_config(name)["callbacks"])
    if draws is not None and draws_again is not None:
        assert [row.step for row in draws.history.rows] == [1, 2, 3, 4, 5]
        assert not draws.state_dict()["pruned"]["mask"].all()
        torch.testing.assert_close(draws_again.state_dict(), draws.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("name", REFUSED)
def test_prefixes_are_refused_where_attention_sees_groups_of_bases(name: str) -> None:
    message = (
        "method.inject: nucleotide_unet takes no prefixes: its attention sees groups of bases, "
        "not positions of the row; use method=prompt_tuning"
    )
    with pytest.raises(InputError, match=message):
        adapted(name, UNET)


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

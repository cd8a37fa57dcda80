"""compact=true: pruned triplets leave the model in training, and no number notices."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.errors import InputError
from dnaft.finetuner import FineTuner
from dnaft.flops import count_flops
from dnaft.methods.fuse import fuse_adapters
from dnaft.optimization import AdamW
from rank_runs import MATRICES, QUIET, RANK, batches, fit, module, ranks, sampler

IDS = torch.arange(5, 65).reshape(5, 12)
# T = 30 of 40 steps; the last mask is that of step 28.
HARD: dict[str, Any] = {"target_rank": 1, "drop_probability": 0.0, "regrow_probability": 0.0}


def logits(tuner: FineTuner) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = tuner.backbone.eval()(IDS, torch.ones_like(IDS))
    return found


def decayed() -> FineTuner:
    return module(optimizer=AdamW(lr=1e-2, weight_decay=0.1))


@pytest.mark.parametrize("fused", [False, True])
def test_a_run_ends_where_it_ends_without(fused: bool) -> None:
    """Ten steps of training after the removal, matrices of rank 0 among them."""
    left, compacted = sampler(**HARD), sampler(compact=True, **HARD)
    ends = []
    for callback in (left, compacted):
        tuner = decayed()
        if fused:
            assert fuse_adapters(tuner.backbone) == MATRICES
        ends.append(fit(callback, tuner=tuner))
    whole, small = ends
    assert compacted.history.rows == left.history.rows
    assert [group.rank for group in whole.triplets] == [RANK] * MATRICES
    kept = left.history.rows[-1].ranks
    assert [group.rank for group in small.triplets] == kept == ranks(whole)
    assert {0, 2} <= set(kept)
    assert logits(whole).std() > 1e-3
    torch.testing.assert_close(logits(small), logits(whole), rtol=1e-4, atol=1e-5)
    for one, other in zip(small.triplets, whole.triplets, strict=True):
        on = other.values.flatten() != 0
        torch.testing.assert_close(one.values, other.values[on], rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(one.left, other.left[:, on], rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(one.right, other.right[on], rtol=1e-3, atol=1e-5)


class Around(Callback):
    """Notes the logits of the batch end in front of the sampler and behind it."""

    def __init__(self) -> None:
        self.seen: dict[int, torch.Tensor] = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: object, **__: object
    ) -> None:
        assert isinstance(pl_module, FineTuner)
        self.seen[trainer.global_step] = logits(pl_module)
        pl_module.train()


def test_the_removal_itself_changes_no_logit(capsys: pytest.CaptureFixture[str]) -> None:
    """The mask of step 28 is applied after step 30 = T, then what it prunes is removed."""
    tuners = []
    for compact in (False, True):
        after = Around()
        fit(sampler(compact=compact, **HARD), steps=40, callbacks=(after,))
        tuners.append(after.seen)
    assert "step 30: 20 pruned triplets removed, 4 stay" in capsys.readouterr().out
    for step in range(1, 30):
        assert torch.equal(tuners[0][step], tuners[1][step])
    torch.testing.assert_close(tuners[1][30], tuners[0][30], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("fused", [False, True])
def test_what_was_removed_is_no_longer_computed(fused: bool) -> None:
    """A triplet costs a product with each of its vectors, of 16 features, for each of 60 tokens."""
    operations = []
    for compact in (False, True):
        tuner = fit(sampler(compact=compact, **HARD))
        if fused:
            assert fuse_adapters(tuner.backbone) == MATRICES
        operations.append(count_flops(lambda tuner=tuner: logits(tuner)))  # type: ignore[misc]
    assert operations[0] - operations[1] == 20 * 2 * (16 + 16) * IDS.numel()


def test_without_an_allocation_nothing_is_removed() -> None:
    tuner = fit(sampler(compact=True, interval=5000, on_empty_schedule="warn"))
    assert [group.rank for group in tuner.triplets] == [RANK] * MATRICES


class StopAfter(Callback):
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 == self.epochs


def in_epochs(
    folder: Path, *extra: Callback, resume: Path | None = None
) -> tuple[RankSampler, FineTuner]:
    """Four epochs of ten steps with clipping and the orthogonality term; T is step 30."""
    callback = sampler(compact=True, **HARD)
    tuner = module(optimizer=AdamW(lr=1e-2, weight_decay=0.1), orthogonality_weight=0.1)
    keep = ModelCheckpoint(dirpath=folder, save_last=True, monitor=None)
    trainer = Trainer(
        max_epochs=4, callbacks=[callback, keep, *extra], gradient_clip_val=1.0, **QUIET
    )
    trainer.fit(tuner, batches(10), ckpt_path=resume, weights_only=True)
    return callback, tuner


@pytest.mark.parametrize("epochs", [2, 3])
def test_a_run_resumed_before_or_after_the_removal_equals_the_straight_one(
    epochs: int, tmp_path: Path
) -> None:
    """Bit for bit: ranks, weights and the moments of Adam, in groups with and without decay."""
    straight, whole = in_epochs(tmp_path / "straight")
    _, half = in_epochs(tmp_path / "half", StopAfter(epochs))
    removed = sum(group.rank for group in half.triplets) < MATRICES * RANK
    assert removed == (epochs == 3)
    resumed, tuner = in_epochs(tmp_path / "rest", resume=tmp_path / "half" / "last.ckpt")
    assert resumed.history.rows == straight.history.rows
    assert resumed.history.matrices == straight.history.matrices
    assert resumed.schedule == straight.schedule
    assert 1 in [group.rank for group in tuner.triplets]
    for a, b in zip(whole.parameters(), tuner.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    states = [t.trainer.optimizers[0].state_dict() for t in (whole, tuner)]
    assert states[0]["param_groups"] == states[1]["param_groups"]
    for one, other in zip(states[0]["state"].values(), states[1]["state"].values(), strict=True):
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=0)


def test_a_checkpoint_from_before_the_removal_can_be_put_back(tmp_path: Path) -> None:
    """As where dev chose one: the model grows to the ranks that it had then."""
    _, half = in_epochs(tmp_path / "half", StopAfter(2))
    _, tuner = in_epochs(tmp_path / "whole")
    checkpoint = torch.load(tmp_path / "half" / "last.ckpt", weights_only=True)
    tuner.load_state_dict(checkpoint["state_dict"], strict=False)
    assert [group.rank for group in tuner.triplets] == [RANK] * MATRICES
    assert torch.equal(logits(tuner), logits(half))


def test_several_processes_are_refused() -> None:
    trainer = Trainer(devices=2, strategy="ddp_spawn", enable_checkpointing=False, **QUIET)
    with pytest.raises(InputError, match="compact changes the shapes of parameters, which 2 proc"):
        sampler(compact=True).on_fit_start(trainer, module())

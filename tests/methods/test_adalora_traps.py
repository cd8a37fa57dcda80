"""Traps of AdaLoRA as PEFT has it (0.21: `peft/tuners/adalora`): each named, none of them here.

There the allocator is no part of any checkpoint, has to be called by hand after each backward
pass, and reads `p.grad` of every matrix; the orthogonality term is added where the model itself
computes a loss, whichever split it is computed on.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import MixedPrecision
from torch import nn
from torch.utils.data import DataLoader

from dnaft.batch import Batch
from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.finetuner import FineTuner
from dnaft.optimization import AdamW
from rank_runs import MATRICES, QUIET, RANK, ROLES, batches, fit, module, ranks, sampler

ALL = MATRICES * RANK
ADALORA: dict[str, Any] = {"drop_probability": 0.0, "regrow_probability": 0.0}


def values(tuner: FineTuner) -> torch.Tensor:
    return torch.cat([group.values.detach().flatten() for group in tuner.triplets])


def without_dropout(tuner: FineTuner) -> FineTuner:
    for part in tuner.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return tuner


class StopAfterOneEpoch(Callback):
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = True


def test_allocator_state_is_not_lost_on_resume(tmp_path: Path) -> None:
    """A resumed run is the straight one; without the allocator's state it would be another."""

    def run(name: str, *extra: Callback, resume: Path | None = None) -> FineTuner:
        tuner = module()
        keep = ModelCheckpoint(dirpath=tmp_path / name, save_last=True, monitor=None)
        callbacks = [sampler(), keep, *extra]
        trainer = Trainer(max_epochs=2, callbacks=callbacks, **QUIET)
        trainer.fit(tuner, batches(20), ckpt_path=resume, weights_only=True)
        return tuner

    straight = run("straight")
    run("half", StopAfterOneEpoch())
    whole = tmp_path / "half" / "last.ckpt"
    assert torch.equal(values(run("resumed", resume=whole)), values(straight))

    checkpoint = torch.load(whole, weights_only=True)
    del checkpoint["callbacks"][next(key for key in checkpoint["callbacks"] if "Sampler" in key)]
    torch.save(checkpoint, tmp_path / "without.ckpt")
    assert not torch.equal(values(run("lost", resume=tmp_path / "without.ckpt")), values(straight))


def test_orthogonality_is_trained_though_the_loss_is_computed_outside_peft() -> None:
    """At lambda = 0 the task says nothing to P: its gradient is that of the term alone.

    d/dP ||P^T P - I||^2 = 4 P (P^T P - I), here times the weight, over 2 x 4 terms.
    """
    tuner = without_dropout(module(orthogonality_weight=0.3))
    batch = next(iter(batches(1)))
    tuner.train()
    loss = tuner.training_step(batch, 0)
    loss.backward()
    term = 0.0
    for group in tuner.triplets:
        for matrix in (group.left.detach().double(), group.right.detach().double().T):
            gram = matrix.T @ matrix - torch.eye(RANK, dtype=torch.float64)
            term += 0.3 * float((gram**2).sum()) / (2 * MATRICES)
        left = group.left.detach().double()
        expected = 0.3 * 4 * left @ (left.T @ left - torch.eye(RANK)) / (2 * MATRICES)
        assert group.left.grad is not None
        torch.testing.assert_close(group.left.grad.double(), expected, rtol=1e-4, atol=1e-8)
    assert term > 1
    with torch.no_grad():
        task = nn.BCEWithLogitsLoss()(tuner.backbone(*batch.inputs).squeeze(1), batch.labels)
    assert loss.item() == pytest.approx(task.item() + term, rel=1e-5)


def test_orthogonality_does_not_contaminate_the_dev_loss() -> None:
    """PEFT adds its term to every loss the model returns, that of the dev split included."""
    tuner = module(orthogonality_weight=100.0)
    loader = batches(3)
    found = Trainer(**QUIET, enable_checkpointing=False).validate(tuner, loader, verbose=False)
    losses = []
    with torch.no_grad():
        for batch in loader:
            logits = tuner.backbone.eval()(*batch.inputs).squeeze(1)
            losses.append(nn.BCEWithLogitsLoss()(logits, batch.labels))
    assert found[0]["dev/loss"] == pytest.approx(float(torch.stack(losses).mean()), abs=1e-6)


def test_a_budget_that_equals_the_total_prunes_nothing() -> None:
    """`kthvalue(k=0)` fails there; here the run is the one that never allocates, bit for bit."""
    full = sampler(target_rank=RANK, **ADALORA)
    tuner = fit(full)
    assert [row.kept for row in full.history.rows] == [ALL] * 7
    never = fit(sampler(interval=5000, on_empty_schedule="warn"))
    assert torch.equal(values(tuner), values(never))


def test_ties_prune_no_more_than_the_budget_says() -> None:
    """Values so small that every score underflows to 0: all of them tie, `<=` would prune all."""
    callback = sampler(**ADALORA)
    tuner = fit(callback, tuner=module(optimizer=AdamW(lr=1e-30)))
    assert not torch.cat(callback._importance.scores()).any()
    assert [row.kept for row in callback.history.rows] == [
        row.budget for row in callback.history.rows
    ]
    assert sum(ranks(tuner)) == callback.history.rows[-1].budget < ALL


class Absent(RankSampler):
    """Sees nothing of some steps."""

    missed: tuple[int, ...] = ()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *args: object, **kwargs: object
    ) -> None:
        if trainer.global_step not in self.missed:
            super().on_train_batch_end(trainer, pl_module, *args, **kwargs)


@pytest.mark.parametrize(
    ("interval", "missed", "drawn"),
    [
        (10, (20,), [10, 21]),
        (4, (28, 29, 30), [4, 8, 12, 16, 20, 24, 31]),
        (29, (29, 30, 31), [32]),
    ],
)
def test_a_missed_step_delays_an_allocation_and_loses_none(
    interval: int, missed: tuple[int, ...], drawn: list[int]
) -> None:
    """T = 30. PEFT finalises where the step equals T, and never if that one is skipped."""
    settings = {"target_rank": 2, "interval": interval, "final_fraction": 0.25, **ADALORA}
    callback = Absent(**settings, last_mask="deterministic")
    callback.missed = missed
    tuner = fit(callback)
    assert [row.step for row in callback.history.rows] == drawn
    last = callback.history.rows[-1]
    if last.step >= callback.schedule.end:
        assert last.budget == callback.schedule.target == 2 * MATRICES
    assert sum(ranks(tuner)) == last.kept == last.budget


class Poison(Callback):
    """Makes the gradients of some steps infinite, as an overflow of fp16 does."""

    def __init__(self, steps: tuple[int, ...]) -> None:
        self.steps = steps

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step + 1 in self.steps:
            for parameter in pl_module.parameters():
                if parameter.grad is not None:
                    parameter.grad.fill_(float("inf"))

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if trainer.global_step + 1 in self.steps:  # as the loss scaler does
            optimizer.zero_grad()


@pytest.mark.parametrize("accumulate", ["every_step", "masking_steps"])
def test_steps_without_usable_gradients_delay_the_first_allocation(accumulate: Any) -> None:
    callback = sampler(interval=1, accumulate=accumulate)
    fit(callback, callbacks=(Poison((1, 2, 3)),))
    assert [row.step for row in callback.history.rows] == list(range(4, 30))
    assert torch.cat(callback._importance.scores()).isfinite().all()


@pytest.mark.parametrize(("rank", "scale_rank", "scale"), [(3, 2, 6), (6, 2, 6), (6, None, 2)])
def test_the_scale_does_not_depend_on_the_initial_rank(
    rank: int, scale_rank: int | None, scale: float
) -> None:
    """`ranknum` stays in PEFT as it begins, so that 6 triplets act half as much as 3 of the same.

    Without `scale_rank` it is so here, as in the authors' code. Pruning changes it in neither case.
    """
    callback = sampler(target_rank=1, **ADALORA)
    tuner = fit(callback, tuner=module(rank=rank, alpha=12, scale_rank=scale_rank))
    assert sum(ranks(tuner)) == MATRICES
    tuner.double().eval()
    x = torch.randn(5, 16, dtype=torch.float64)
    for group in tuner.triplets:
        layer, role = group.name.split(".")
        adapted: Any = tuner.backbone.trunk.get_submodule(ROLES[role].format(layer=int(layer)))
        update = group.left @ torch.diag(group.values.flatten()) @ group.right
        expected = adapted.get_base_layer()(x) + scale * x @ update.T
        torch.testing.assert_close(adapted(x), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("target", "left"), [(2, 8), (1.5, 6), (2.3, 9)])
def test_target_rank_is_an_average_and_no_matrix_is_bound_to_it(target: float, left: int) -> None:
    """By pencil: floor(target x 4 matrices) triplets remain, wherever importance wants them."""
    callback = sampler(target_rank=target, interval=1, **ADALORA)
    tuner = fit(callback)
    assert callback.schedule.target == left
    last = callback.history.rows[-1]
    # The last allocation, at T - 1, still has the budget of its own step.
    assert sum(ranks(tuner)) == last.budget
    assert last.budget - left in (0, 1)
    assert max(ranks(tuner)) > target > min(ranks(tuner))


class Watch(Callback):
    """Notes every value after every step, behind the sampler."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: object, **__: object
    ) -> None:
        assert isinstance(pl_module, FineTuner)
        self.seen.append(values(pl_module).clone())


def test_neither_momentum_nor_weight_decay_revives_what_is_masked() -> None:
    callback, watch = sampler(), Watch()
    optimizer = AdamW(lr=5e-2, weight_decay=0.5, decay="constant")
    tuner = fit(callback, tuner=module(optimizer=optimizer), callbacks=(watch,))
    assert callback._pruned.mask is not None
    for step in (28, *range(30, 41)):  # the last mask's own step; from T on
        seen = watch.seen[step - 1]
        assert not seen[~callback._pruned.mask].any()
        assert seen[callback._pruned.mask].all()
    # Momentum would: it does before T, where pruned values may learn.
    assert watch.seen[28][~callback._pruned.mask].any()
    # And decay never prunes by size: singular values are in no decayed group.
    trainer: Any = tuner.trainer
    for group in trainer.optimizers[0].param_groups:
        decayed = {id(parameter) for parameter in group["params"] if group["weight_decay"]}
        assert not decayed & {id(triplets.values) for triplets in tuner.triplets}


def test_a_matrix_without_gradients_counts_as_unimportant() -> None:
    """PEFT multiplies by `p.grad` of each matrix, and fails where one is None."""
    tuner = module()
    for tensor in (tuner.triplets[1].left, tuner.triplets[1].values, tuner.triplets[1].right):
        tensor.requires_grad_(False)
    callback = sampler(**ADALORA)
    fit(callback, tuner=tuner)
    assert tuner.triplets[1].values.grad is None
    # 8 of 24 triplets remain, so the 18 others suffice.
    assert callback.history.rows[-1].ranks[1] == 0
    assert callback.history.rows[-1].kept == callback.history.rows[-1].budget


def test_gradients_that_are_all_none_are_zeros() -> None:
    tuner = module()
    for group in tuner.triplets:
        for tensor in (group.left, group.values, group.right):
            tensor.requires_grad_(False)
    callback = sampler(**ADALORA)
    fit(callback, tuner=tuner)
    assert [row.kept for row in callback.history.rows] == [
        row.budget for row in callback.history.rows
    ]


def halves(whole: DataLoader[Batch]) -> DataLoader[Batch]:
    rows = [
        Batch(batch.input_ids[part], batch.attention_mask[part], batch.labels[part])
        for batch in whole
        for part in (slice(0, 4), slice(4, 8))
    ]
    return DataLoader(rows, batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]


def test_accumulated_gradients_count_as_the_one_step_they_are() -> None:
    """Two half batches a step: the same importance, masks and values as one whole batch a step."""
    whole, accumulated = sampler(interval=6), sampler(interval=6)
    one = fit(whole, steps=12, tuner=without_dropout(module()), data=batches(12, size=8))
    two = fit(
        accumulated,
        steps=12,
        tuner=without_dropout(module()),
        data=halves(batches(12, size=8)),
        accumulate_grad_batches=2,
    )
    assert accumulated.history.rows == whole.history.rows
    for a, b in zip(
        accumulated._importance.sensitivities, whole._importance.sensitivities, strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-8)
    torch.testing.assert_close(values(two), values(one), rtol=1e-3, atol=1e-6)


def with_scale(init_scale: float) -> tuple[RankSampler, FineTuner, torch.amp.GradScaler]:
    """Train 12 steps in fp16 with this loss scale, that never grows."""
    scaler = torch.amp.GradScaler("cpu", init_scale=init_scale, growth_interval=10_000)
    callback = sampler(interval=6)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    tuner = fit(callback, steps=12, tuner=without_dropout(module()), plugins=[plugin])
    return callback, tuner, scaler


def test_the_loss_scale_of_fp16_stays_out_of_importance() -> None:
    """Gradients are scaled 256-fold; a score, quadratic in them, would be 65,536-fold."""
    (small, _, _), (large, _, scaler) = with_scale(4.0), with_scale(1024.0)
    assert scaler.get_scale() == 1024.0
    assert large.history.rows == small.history.rows
    for a, b in zip(large._importance.scores(), small._importance.scores(), strict=True):
        torch.testing.assert_close(a, b, rtol=0.05, atol=1e-12)


def test_a_step_that_the_loss_scaler_skips_leaves_importance_finite() -> None:
    """2^40 times the loss overflows fp16: steps are skipped until the scale has come down."""
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40, growth_interval=10_000)
    callback = sampler(interval=1, final_fraction=0.1)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    fit(callback, steps=60, plugins=[plugin])
    assert scaler.get_scale() < 2.0**40
    first = callback.history.rows[0].step
    assert first > 2
    assert [row.step for row in callback.history.rows] == list(range(first, 54))
    assert torch.cat(callback._importance.scores()).isfinite().all()


PROCESSES = """
import hashlib, json, sys
from pathlib import Path
from lightning import Callback, Trainer
from rank_runs import QUIET, batches, module, sampler

class Losses(Callback):
    def __init__(self):
        self.seen = []
    def on_train_batch_end(self, trainer, tuner, outputs, batch, batch_idx):
        self.seen.append(float(outputs["loss"]))

callback, losses, tuner = sampler(), Losses(), module(orthogonality_weight=0.1)
trainer = Trainer(
    max_steps=12, callbacks=[callback, losses], strategy="ddp_fork", devices=2,
    enable_checkpointing=False, **QUIET,
)
class Report(Callback):
    def on_fit_end(self, trainer, tuner):
        weights = b"".join(p.detach().numpy().tobytes() for p in tuner.parameters())
        Path(sys.argv[1], f"{trainer.global_rank}.json").write_text(json.dumps({
            "rows": callback.history.to_rows(),
            "mask": callback._pruned.mask.tolist(),
            "losses": losses.seen,
            "weights": hashlib.sha256(weights).hexdigest(),
        }))
trainer.callbacks.append(Report())
trainer.fit(tuner, batches(24))
"""


def test_masks_do_not_diverge_between_processes(tmp_path: Path) -> None:
    """Two processes over gloo, each with its own half of the rows: one mask, the same weights."""
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", PROCESSES, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), *sys.path])},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert [row["step"] for row in first["rows"]] == [4, 8]
    assert first["losses"] != second["losses"], "both saw the same rows: nothing is shown"
    for same in ("rows", "mask", "weights"):
        assert first[same] == second[same]
    assert 0 < sum(first["mask"]) < ALL

"""The rank sampler inside real training: when it acts, what it leaves in the weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from dnaft.callbacks.allocation import Allocation
from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.errors import InputError
from dnaft.finetuner import FineTuner
from dnaft.methods.lora import inject_lora
from dnaft.optimization import AdamW
from dnaft.ranks.importance import Importance
from dnaft.ranks.sampling import Draws
from rank_runs import MATRICES, QUIET, RANK, batches, fit, module, ranks, sampler


def test_it_acts_at_every_interval_before_the_end_and_holds_the_last_mask() -> None:
    callback = sampler()
    tuner = fit(callback)
    assert [row.step for row in callback.history.rows] == [4, 8, 12, 16, 20, 24, 28]
    # By pencil: b^t = 8 + 16 (1 - t/30)^3 for 4 matrices, ranks 6 -> 2, T = 40 - 10.
    want = [int(8 + 16 * (1 - t / 30) ** 3) for t in (4, 8, 12, 16, 20, 24, 28)]
    assert [row.budget for row in callback.history.rows] == want
    # Ten steps of Adam after the last mask have revived nothing.
    assert ranks(tuner) == callback.history.rows[-1].ranks
    assert sum(ranks(tuner)) == callback.history.rows[-1].kept
    assert list(callback.history.matrices) == ["00.q", "00.v", "01.q", "01.v"]


def test_counts_add_up() -> None:
    callback = sampler()
    fit(callback)
    assert sum(row.reintroduced for row in callback.history.rows) > 0
    assert sum(row.dropped for row in callback.history.rows) > 0
    for row in callback.history.rows:
        assert row.kept == row.budget - row.dropped + row.reintroduced == sum(row.ranks)


def test_without_draws_it_is_adalora_and_keeps_exactly_the_budget() -> None:
    callback = sampler(drop_probability=0.0, regrow_probability=0.0)
    fit(callback)
    assert all(row.kept == row.budget for row in callback.history.rows)


def test_one_allocation_an_optimiser_step_under_accumulation() -> None:
    plain, accumulated = sampler(), sampler()
    fit(plain)
    fit(accumulated, accumulate_grad_batches=3)
    assert [r.step for r in accumulated.history.rows] == [r.step for r in plain.history.rows]


def test_a_deterministic_last_mask_keeps_the_budget() -> None:
    callback = sampler(last_mask="deterministic")
    tuner = fit(callback)
    last = callback.history.rows[-1]
    assert (last.kept, last.dropped, last.reintroduced) == (last.budget, 0, 0)
    assert sum(ranks(tuner)) == last.budget


def test_the_released_program_brings_nothing_back() -> None:
    callback = sampler(variant="released_code", drop_probability=0.1, regrow_probability=0.1)
    fit(callback)
    assert all(row.reintroduced == 0 for row in callback.history.rows)
    assert any(row.dropped > 0 for row in callback.history.rows)
    with pytest.raises(ValueError, match=r"probability fixed at 0\.1; set drop_probability=0\.1"):
        sampler(variant="released_code")


def values_at_masks(store: str) -> list[torch.Tensor]:
    """Train to the first mask, which prunes all, then stop learning; the next ones prune none."""
    callback, tuner = sampler(masked_values=store, target_rank=6), module()
    tuner.optimizer_config = AdamW(lr=1e-2, decay="constant")
    callback._draws = Draws(1.0, 1.0)
    allocate, seen = callback.allocate, []

    def watched(step: int) -> Allocation:
        row = allocate(step)
        seen.append(torch.cat([g.values.detach().flatten() for g in tuner.triplets]))
        callback._draws = Draws(0.0, 0.0)
        schedule: Any = tuner.lr_schedulers()
        schedule.base_lrs = [0.0 for _ in schedule.base_lrs]
        for group in schedule.optimizer.param_groups:
            group["lr"] = 0.0
        return row

    callback.allocate = watched  # type: ignore[method-assign]
    fit(callback, steps=12, tuner=tuner)
    return seen


def test_the_shadow_gives_values_back_and_overwriting_does_not() -> None:
    overwritten, shadowed = values_at_masks("overwrite"), values_at_masks("shadow")
    assert not overwritten[0].any()
    assert not shadowed[0].any()
    assert not overwritten[1].any()
    assert shadowed[1].count_nonzero() == MATRICES * RANK


def test_a_schedule_that_never_allocates_is_refused_with_its_numbers() -> None:
    with pytest.raises(ValueError, match=r"interval is 5000 steps.*steps 1 to 29 of 40"):
        fit(sampler(interval=5000))


def test_a_run_too_short_for_any_allocation_is_told_so() -> None:
    with pytest.raises(InputError, match=r"in a run of 1 steps none is left .* Train longer"):
        fit(sampler(), steps=1)


def test_compaction_needs_a_run_that_gets_there() -> None:
    with pytest.raises(InputError, match="acts at step 75, and this run ends after 40"):
        fit(sampler(schedule_steps=100, interval=10, compact=True))


def test_a_schedule_that_never_allocates_can_be_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    callback = sampler(interval=5000, on_empty_schedule="warn")
    tuner = fit(callback)
    assert "no allocation would ever happen" in capsys.readouterr().out
    assert sum(ranks(tuner)) == MATRICES * RANK


def test_an_interval_below_one_is_a_fraction_of_the_run() -> None:
    callback = sampler(interval=0.1)
    fit(callback)
    assert [row.step for row in callback.history.rows] == [4, 8, 12, 16, 20, 24, 28]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_rank": 0}, "target_rank must be above 0, got 0"),
        ({"target_rank": -2}, "target_rank must be above 0, got -2"),
        ({"interval": 0}, "interval must be a whole number of steps or a fraction below 1, got 0"),
        ({"interval": 2.5}, "got 2.5"),
        ({"final_fraction": 1.0}, r"final_fraction must lie in \[0, 1\), got 1.0"),
        ({"drop_probability": 1.2}, r"drop_probability must lie in \[0, 1\], got 1.2"),
        ({"beta1": 1.0}, r"beta1 must lie in \[0, 1\)"),
    ],
)
def test_settings_without_meaning_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampler(**changes)


def test_a_target_above_what_was_injected_is_refused() -> None:
    with pytest.raises(ValueError, match="target_rank 7 exceeds the 6 triplets a matrix"):
        fit(sampler(target_rank=7))


def test_methods_without_singular_values_are_refused() -> None:
    with pytest.raises(ValueError, match="found no singular values to prune"):
        fit(sampler(), tuner=module(inject_lora))


def test_the_same_seed_draws_the_same_masks_and_another_seed_others() -> None:
    runs = []
    for seed in (1, 1, 2):
        callback = sampler(seed=seed)
        fit(callback)
        runs.append([row.ranks for row in callback.history.rows])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


class StopAfterOneEpoch(Callback):
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = True


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    """Two epochs of 20 steps, against one, a checkpoint, and a fresh process' worth of objects."""

    def run(
        name: str, *extra: Callback, resume: Path | None = None
    ) -> tuple[RankSampler, FineTuner]:
        callback, tuner = sampler(masked_values="shadow"), module()
        keep = ModelCheckpoint(dirpath=tmp_path / name, save_last=True, monitor=None)
        trainer = Trainer(
            max_epochs=2,
            callbacks=[callback, keep, *extra],
            **QUIET,
        )
        trainer.fit(tuner, batches(20), ckpt_path=resume, weights_only=True)
        return callback, tuner

    straight, whole = run("straight")
    first, _ = run("half", StopAfterOneEpoch())
    assert [row.step for row in first.history.rows] == [4, 8, 12, 16, 20]
    second, resumed = run("rest", resume=tmp_path / "half" / "last.ckpt")
    assert second.history.rows == straight.history.rows
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_the_heat_map_and_the_table_are_written(tmp_path: Path) -> None:
    from dnaft.callbacks.rank_plot import plot_ranks

    callback = sampler()
    fit(callback)
    plot_ranks(callback.history, tmp_path / "ranks.png")
    callback.history.write_csv(tmp_path / "ranks.csv")
    lines = (tmp_path / "ranks.csv").read_text().splitlines()
    assert lines[0] == "step,budget,kept,kept_parameters,dropped,reintroduced,00.q,00.v,01.q,01.v"
    assert len(lines) == 1 + len(callback.history.rows)
    assert (tmp_path / "ranks.png").read_bytes().startswith(b"\x89PNG")


def test_a_budget_of_parameters_is_kept_where_matrices_differ_in_shape() -> None:
    """q (16, 16) costs 33 a triplet, fc1 (24, 16) 41."""
    changes = {"budget_unit": "parameters", "drop_probability": 0.0, "regrow_probability": 0.0}
    callback = sampler(**changes)
    tuner = fit(callback, tuner=module(roles=("q", "fc1")))
    assert list(callback.history.matrices) == ["00.q", "00.fc1", "01.q", "01.fc1"]
    costs = [33, 41, 33, 41]
    assert callback.schedule.initial == RANK * sum(costs)
    for row in callback.history.rows:
        paid = sum(rank * cost for rank, cost in zip(row.ranks, costs, strict=True))
        assert row.kept_parameters == paid <= row.budget < paid + 41
        assert row.kept == sum(row.ranks)
    assert ranks(tuner) == callback.history.rows[-1].ranks


def test_of_one_shape_both_units_of_the_budget_are_the_same_run() -> None:
    runs = []
    for unit in ("triplets", "parameters"):
        callback = sampler(budget_unit=unit)
        tuner = fit(callback)
        runs.append((callback, torch.cat([group.values for group in tuner.triplets])))
    (triplets, one), (parameters, other) = runs
    assert torch.equal(one, other)
    for a, b in zip(triplets.history.rows, parameters.history.rows, strict=True):
        assert (a.ranks, a.dropped, a.reintroduced) == (b.ranks, b.dropped, b.reintroduced)
        assert b.budget // 33 == a.budget
        assert a.kept_parameters == b.kept_parameters == 33 * a.kept


def test_the_released_program_counts_triplets() -> None:
    both = {"drop_probability": 0.1, "regrow_probability": 0.1, "budget_unit": "parameters"}
    with pytest.raises(ValueError, match="counts triplets; set budget_unit=triplets"):
        sampler(variant="released_code", **both)


def test_acting_at_every_other_step_averages_these_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    observed = []
    plain = Importance.update

    def update(self: Importance, *arguments: Any) -> None:
        observed.append(holder[0].global_step + 1)
        plain(self, *arguments)

    holder: list[Trainer] = []

    class Keep(Callback):
        def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            holder.append(trainer)

    monkeypatch.setattr(Importance, "update", update)
    callback = sampler(act_every_steps=2)
    tuner = fit(callback, callbacks=(Keep(),))
    assert observed == list(range(2, 30, 2))
    assert [row.step for row in callback.history.rows] == [4, 8, 12, 16, 20, 24, 28]
    # Step 40 is one of those at which the last mask is applied.
    assert ranks(tuner) == callback.history.rows[-1].ranks


def test_between_two_applications_of_the_last_mask_pruned_values_move() -> None:
    callback = sampler(act_every_steps=4)
    tuner = fit(callback, steps=39)
    last = callback.history.rows[-1]
    assert (last.step, callback.schedule.end) == (28, 30)
    assert sum(ranks(tuner)) > last.kept


@pytest.mark.parametrize("steps", [40, 90])
def test_a_schedule_of_60_steps_in_a_shorter_and_in_a_longer_run(steps: int) -> None:
    callback = sampler(schedule_steps=60, interval=10)
    fit(callback, steps=steps)
    # By pencil: T = 45; b^t = 8 + 16 (1 - t/45)^3.
    want = {10: 15, 20: 10, 30: 8, 40: 8}
    assert {row.step: row.budget for row in callback.history.rows} == want


def test_a_run_that_ends_before_the_first_mask_of_its_schedule_is_refused() -> None:
    with pytest.raises(InputError, match=r"interval is 50 steps, .* steps 1 to 40 of 40"):
        fit(sampler(schedule_steps=100, interval=50))

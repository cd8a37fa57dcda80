"""When a run stops, against Lightning's own callback; and what is said of its end."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch import callbacks as lightning_callbacks
from scripted import ROWS, Scripted
from torch.utils.data import DataLoader

from dnaft.callbacks.early_stopping import EarlyStopping, describe_end


class StopAt(Callback):
    """Another callback that stops."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch == 1


def fit(
    folder: Path, values: list[float], *callbacks: Callback, name: str = "dev/loss", **options: Any
) -> tuple[Trainer, Scripted]:
    module = Scripted(name, values)
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **({"max_epochs": len(values), "num_sanity_val_steps": 0} | options),
    )
    trainer.fit(module, DataLoader(ROWS, batch_size=1), DataLoader(ROWS[:1]))
    return trainer, module


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of Lightning, on workers


@pytest.mark.parametrize("name", ["dev/loss", "dev/mcc"])
@pytest.mark.parametrize("seed", range(6))
def test_lightnings_callback_stops_at_the_same_look(tmp_path: Path, name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.round(random.normal(size=12), 1).tolist()  # ties among them
    patience, delta = int(random.integers(1, 5)), float(random.choice([0.0, 0.3]))
    mode = "min" if name == "dev/loss" else "max"
    ours = EarlyStopping(name, patience, delta)
    theirs = lightning_callbacks.EarlyStopping(name, delta, patience, mode=mode)
    found, expected = (fit(tmp_path, values, stopper, name=name) for stopper in (ours, theirs))
    assert found[0].global_step == expected[0].global_step
    assert ours.best == pytest.approx(float(theirs.best_score), rel=1e-6)
    assert ours.has_stopped == (found[1].looks < 12 or ours.without_improvement >= patience)


def test_by_pencil(tmp_path: Path) -> None:
    """The third look is the best, the fifth the second after it."""
    stopper = EarlyStopping(patience=2)
    trainer, _ = fit(tmp_path, [3.0, 4.0, 1.0, 1.0, 2.0, 0.0], stopper)
    assert describe_end(trainer, [stopper]) == {
        "reason": "early_stopping",
        "epochs": 5,
        "steps": 20,
        "planned_steps": 24,
        "early_stopping": {"monitor": "dev/loss", "best": 1.0, "without_improvement": 2},
    }


def test_looks_that_cannot_be_chosen_do_not_count(tmp_path: Path) -> None:
    """Of six epochs half: looks 1 and 2 pass by, 3 is the best, 5 the second after it."""
    stopper = EarlyStopping(patience=2, after=0.5)
    trainer, _ = fit(tmp_path, [0.1, 0.2, 3.0, 4.0, 5.0, 0.0], stopper)
    end = describe_end(trainer, [stopper])
    assert (end["epochs"], end["early_stopping"]["best"]) == (5, 3.0)


def test_the_sanity_check_is_no_look(tmp_path: Path) -> None:
    stopper = EarlyStopping(patience=2)
    scores = [0.0, 5.0, 4.0, 3.0]  # the first of them before training
    _, module = fit(tmp_path, scores, stopper, max_epochs=3, num_sanity_val_steps=1)
    assert module.looks == 4
    assert (stopper.best, stopper.without_improvement) == (3.0, 0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_not_finite_stops(tmp_path: Path, value: float) -> None:
    stopper = EarlyStopping(patience=9)
    trainer, _ = fit(tmp_path, [1.0, value, 0.5], stopper)
    end = describe_end(trainer, [stopper])
    assert (end["reason"], end["steps"], end["early_stopping"]["best"]) == ("early_stopping", 8, 1)


def test_looks_within_an_epoch_count(tmp_path: Path) -> None:
    """Dev is looked at twice an epoch; the fourth look, in the middle of the last epoch, stops."""
    stopper = EarlyStopping(patience=2)
    trainer, _ = fit(tmp_path, [1.0, 0.5, 0.6, 0.7], stopper, max_epochs=2, val_check_interval=0.5)
    assert describe_end(trainer, [stopper])["reason"] == "max_epochs"  # all steps were done
    stopper = EarlyStopping(patience=1)
    trainer, _ = fit(tmp_path, [1.0, 0.5, 0.6, 0.7], stopper, max_epochs=2, val_check_interval=0.5)
    end = describe_end(trainer, [stopper])
    assert (end["reason"], end["steps"], end["planned_steps"]) == ("early_stopping", 6, 8)


@pytest.mark.parametrize(
    ("options", "reason", "steps"),
    [
        ({}, "max_epochs", 12),
        ({"max_epochs": -1, "max_steps": 7}, "max_steps", 7),
        ({"max_epochs": 9, "max_steps": 7}, "max_steps", 7),
        ({"max_time": {"seconds": 0}}, "max_time", None),
        ({"callbacks": [StopAt()]}, "callback", 8),
    ],
)
def test_other_ends(
    tmp_path: Path, options: dict[str, Any], reason: str, steps: int | None
) -> None:
    others = options.pop("callbacks", [])
    trainer, _ = fit(tmp_path, [1.0, 0.9, 0.8], *others, **options)
    end = describe_end(trainer, [])
    assert end["reason"] == reason
    assert end["steps"] == trainer.global_step
    assert steps in (None, end["steps"])
    assert "early_stopping" not in end


def test_the_state_goes_on(tmp_path: Path) -> None:
    first, second = EarlyStopping(patience=3), EarlyStopping(patience=3)
    fit(tmp_path, [1.0, 2.0, 2.0], first)
    second.load_state_dict(first.state_dict())
    trainer, _ = fit(tmp_path, [3.0, 0.0, 0.0], second)
    assert trainer.global_step == 4
    third = EarlyStopping(patience=3)
    third.load_state_dict(second.state_dict())
    trainer, module = fit(tmp_path, [0.0, 0.0], third)
    assert (trainer.global_step, module.looks) == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience must be 1 or more, got 0"),
        ({"min_delta": -1.0}, "min_delta must be 0 or more, got -1.0"),
        (
            {"monitor": "dev/mcc", "mode": "min"},
            "dev/mcc is better the higher it is; set it to max",
        ),
        ({"mode": "max"}, "mode is max, and dev/loss is better the lower it is; set it to min"),
    ],
)
def test_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**options)

"""Stop a run whose dev score has stopped improving, and say why it ended."""

import math
from typing import Any, Literal

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Timer

from dnaft.callbacks.checkpoints import is_late

_BETTER = {"min": "the lower it is", "max": "the higher it is"}


class EarlyStopping(Callback):
    """Stop after some looks at dev without improvement, or when the score is no longer finite.

    The checkpoint that dev chose is kept, whatever came after it. Unlike with Lightning's callback
    of this name, a run that was interrupted after it had stopped does not train on when resumed.

    Args:
        monitor: The score to watch: `dev/loss`, `dev/mcc`, ..., see `dnaft.metrics`.
        patience: Looks at dev without improvement, 1 or more.
        min_delta: By how much a score must be better than the best so far to be an improvement.
        mode: `min` for a loss, `max` for all other scores; None knows it by the name.
        after: Share of the run's optimiser steps before which looks do not count: what they saw
            cannot be chosen (`eval.choose_after`).

    Raises:
        ValueError: If a number lies outside its domain, or `mode` is the wrong one for the score.
    """

    def __init__(
        self,
        monitor: str = "dev/loss",
        patience: int = 3,
        min_delta: float = 0.0,
        mode: Literal["min", "max"] | None = None,
        after: float = 0.0,
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience must be 1 or more, got {patience}")
        if not (min_delta >= 0 and math.isfinite(min_delta)):
            raise ValueError(f"min_delta must be 0 or more, got {min_delta}")
        if not 0 <= after <= 1:
            raise ValueError(f"after must lie in [0, 1], got {after}")
        right = "min" if monitor.endswith("/loss") else "max"
        if mode not in (None, right):
            raise ValueError(
                f"mode is {mode}, and {monitor} is better {_BETTER[right]}; set it to {right}, or "
                "leave it null"
            )
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.after = after
        self._sign = 1.0 if right == "max" else -1.0
        self.best: float | None = None
        self.without_improvement = 0
        self.finite = True

    @property
    def has_stopped(self) -> bool:
        """Whether it has told the trainer to stop."""
        return not self.finite or self.without_improvement >= self.patience

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop at once if the run had stopped before it was interrupted."""
        if self.has_stopped:
            trainer.should_stop = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the score with the best so far."""
        if trainer.sanity_checking:
            return
        value = float(trainer.callback_metrics[self.monitor])
        self.finite = math.isfinite(value)
        if self.finite and not is_late(trainer, self.after):
            return
        best = -self._sign * math.inf if self.best is None else self.best
        if self.finite and self._sign * (value - best) > self.min_delta:
            self.best, self.without_improvement = value, 0
        else:
            self.without_improvement += 1
        # Scores are those of the whole split, so all processes decide alike; to be safe, together.
        if trainer.strategy.reduce_boolean_decision(self.has_stopped, all=False):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return how far patience is used up."""
        return {
            "best": self.best,
            "without_improvement": self.without_improvement,
            "finite": self.finite,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.best = state_dict["best"]
        self.without_improvement = state_dict["without_improvement"]
        self.finite = state_dict["finite"]


def describe_end(trainer: Trainer, callbacks: list[Callback]) -> dict[str, Any]:
    """Return why and when training ended, for result.json.

    Args:
        trainer: After `fit`.
        callbacks: Those of the run.

    Returns:
        `reason`: max_steps or max_epochs if all planned steps were done, else early_stopping,
        max_time, or callback for any other that told the trainer to stop; `epochs` begun; optimiser
        `steps` done and `planned_steps`; and with early stopping what it watched (`monitor`), the
        `best` value and the looks at dev `without_improvement` since then.
    """
    stoppers = [callback for callback in callbacks if isinstance(callback, EarlyStopping)]
    planned = trainer.estimated_stepping_batches
    if trainer.global_step >= planned:
        reason = "max_steps" if 0 <= trainer.max_steps <= trainer.global_step else "max_epochs"
    elif any(stopper.has_stopped for stopper in stoppers):
        reason = "early_stopping"
    else:
        reason = "max_time" if _is_out_of_time(trainer) else "callback"
    end: dict[str, Any] = {
        "reason": reason,
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "planned_steps": planned,
    }
    for stopper in stoppers:
        end["early_stopping"] = {
            "monitor": stopper.monitor,
            "best": stopper.best,
            "without_improvement": stopper.without_improvement,
        }
    return end


def _is_out_of_time(trainer: Trainer) -> bool:
    known: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    left = [callback.time_remaining() for callback in known if isinstance(callback, Timer)]
    return any(seconds is not None and seconds <= 0 for seconds in left)

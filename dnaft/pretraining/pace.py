"""What happens by the clock: a line, a checkpoint, the end of a session; and looks at dev."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer

from dnaft.pretraining.pretrainer import Pretrainer

log = logging.getLogger(__name__)

# Held-out numbers of a model, by name, for the curve.
Look = Callable[[Pretrainer], dict[str, float]]


@dataclass(frozen=True)
class Session:
    """How a run goes on, which changes nothing of what it computes.

    Attributes:
        hours: Stop after so many, to be resumed later; None goes on to the end.
        checkpoint_minutes: Time between checkpoints.
        report_seconds: Time between lines.

    Raises:
        ValueError: If a time is not positive.
    """

    hours: float | None
    checkpoint_minutes: float
    report_seconds: float

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("hours", "checkpoint_minutes", "report_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")


class Pace(Callback):
    """Reports, saves, looks at dev and stops, always between two optimiser steps.

    Args:
        session: The times.
        checkpoint: The file that is kept up; it is replaced in one move, so it is always whole.
        look: Gives held-out numbers.
        look_steps: Optimiser steps between two looks; 0 for none.

    Attributes:
        stopped: Whether the time was over before the steps were.
    """

    def __init__(self, session: Session, checkpoint: Path, look: Look, look_steps: int) -> None:
        self._session = session
        self._checkpoint = checkpoint
        self._look = look
        self._look_steps = look_steps
        self.stopped = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start all watches."""
        module = _pretrainer(pl_module)
        self._began = self._reported = self._saved = self._ticked = time.monotonic()
        self._step = trainer.global_step
        self._tokens = module.tokens_seen

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """Act where it is time to."""
        step = trainer.global_step
        if step == self._step:  # still accumulating gradients
            return
        self._step = step
        module = _pretrainer(pl_module)
        now = time.monotonic()
        module.seconds += now - self._ticked
        self._ticked = now
        last = step == module.steps
        hours = self._session.hours
        over = hours is not None and now - self._began >= hours * 3600 and not last
        over = bool(trainer.strategy.broadcast(over))  # one process decides for all
        looks = bool(self._look_steps) and step % self._look_steps == 0 and not last
        numbers: dict[str, float] = {}
        if looks:
            with trainer.precision_plugin.forward_context():
                numbers = self._look(module)
        if looks or over or last or now - self._reported >= self._session.report_seconds:
            self._report(trainer, module, numbers, now)
        save = over or last or now - self._saved >= self._session.checkpoint_minutes * 60
        if trainer.strategy.broadcast(save):
            module.check_finite()  # a good checkpoint is not replaced by a spoilt one
            self._save(trainer)
        if over:
            self.stopped = True
            trainer.should_stop = True
        # Looking, reporting and saving are no training.
        self._ticked = time.monotonic()

    def _report(
        self, trainer: Trainer, module: Pretrainer, numbers: dict[str, float], now: float
    ) -> None:
        speed = (module.tokens_seen - self._tokens) / max(now - self._reported, 1e-9)
        self._tokens = module.tokens_seen
        self._reported = time.monotonic()
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        module.check_finite()
        nats = module.recent()
        tokens = module.tokens_seen * trainer.world_size
        line = (
            f"step {self._step:,} of {module.steps:,}, {_short(tokens)} tokens, "
            f"{nats:.4f} nats a token, lr {rate:.2e}, {speed * trainer.world_size:,.0f} tokens/s"
        )
        if numbers:
            line += "; dev " + ", ".join(f"{name} {value:.4f}" for name, value in numbers.items())
        log.info(line)
        row = {
            "train/nats": nats,
            "train/lr": rate,
            "train/tokens": float(tokens),
            "train/hours": module.seconds / 3600,
            "train/tokens_per_second": speed * trainer.world_size,
        }
        row |= {f"dev/{name}": value for name, value in numbers.items()}
        for logger in trainer.loggers:
            logger.log_metrics(row, step=self._step)
            logger.save()  # a killed run keeps its curve

    def _save(self, trainer: Trainer) -> None:
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        part = self._checkpoint.with_suffix(".part")
        trainer.save_checkpoint(part)
        if trainer.is_global_zero:
            with part.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(part, self._checkpoint)
        self._saved = time.monotonic()


def _pretrainer(module: LightningModule) -> Pretrainer:
    assert isinstance(module, Pretrainer)
    return module


def _short(number: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.1f} {name}"
    return f"{number:.0f}"

"""How many steps and scorings a run has, by its settings alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Count:
    """What a trainer will do.

    Attributes:
        batches: Training batches in all.
        steps: Optimiser steps.
        scorings: Looks at the split that chooses the checkpoint.
    """

    batches: int
    steps: int
    scorings: int


def count_run(trainer: Mapping[str, Any], batches_an_epoch: int) -> Count:
    """Return how many batches, steps and scorings the settings of a trainer make of an epoch.

    Args:
        trainer: `max_epochs`, `max_steps`, `accumulate_grad_batches`, `limit_train_batches`,
            `val_check_interval` and `check_val_every_n_epoch`, as Lightning takes them.
        batches_an_epoch: Batches that the loader has.

    Example:
        >>> settings = {"max_epochs": 5, "val_check_interval": 0.5}
        >>> count_run(settings, 613)
        Count(batches=3065, steps=3065, scorings=10)
    """
    epoch = _limited(trainer.get("limit_train_batches"), batches_an_epoch)
    accumulated = int(trainer.get("accumulate_grad_batches") or 1)
    steps_an_epoch = math.ceil(epoch / accumulated)
    epochs, most = trainer.get("max_epochs"), int(trainer.get("max_steps") or -1)
    if epochs is None:
        epochs = 1000 if most < 0 else -1  # what Lightning makes of it
    steps = steps_an_epoch * int(epochs) if int(epochs) >= 0 else most
    if most >= 0:
        steps = min(steps, most)
    whole, rest = divmod(steps, steps_an_epoch) if steps_an_epoch else (0, 0)
    batches = whole * epoch + rest * accumulated
    return Count(batches, steps, _scorings(trainer, epoch, batches))


def _limited(limit: Any, batches: int) -> int:
    if limit is None or (isinstance(limit, float) and limit == 1.0):
        return batches
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def _scorings(trainer: Mapping[str, Any], epoch: int, batches: int) -> int:
    interval = trainer.get("val_check_interval")
    every = trainer.get("check_val_every_n_epoch", 1)
    interval = 1.0 if interval is None else interval
    between = interval if isinstance(interval, int) else max(1, int(epoch * interval))
    if every is None:
        return int(batches // between)
    whole, rest = divmod(batches, epoch) if epoch else (0, 0)
    in_last = rest // between if (whole + 1) % every == 0 else 0
    return int(whole // every * (epoch // between) + in_last)

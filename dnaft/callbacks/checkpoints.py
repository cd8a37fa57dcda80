"""Checkpoints of a run: the one that a score chooses, and the newest."""

from pathlib import Path
from typing import Any

from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from dnaft.run_folder import LAST_CHECKPOINT


class LateChoice(ModelCheckpoint):
    """Keep the checkpoint with the best score among those of the later part of the run.

    Args:
        after: Share of the run's optimiser steps before which none is chosen. From T on, a rank
            sampler holds its final budget, before it more.
        arguments: Of Lightning's callback.
    """

    def __init__(self, after: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._after = after

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        """Return whether this checkpoint is the best so far, and late enough."""
        return is_late(trainer, self._after) and super().check_monitor_top_k(trainer, current)


def is_late(trainer: Trainer, after: float) -> bool:
    """Whether a share of the run's optimiser steps is done, as `eval.choose_after` counts it."""
    return trainer.global_step >= after * trainer.estimated_stepping_batches


def newest(folder: Path) -> ModelCheckpoint:
    """Return a callback that keeps the checkpoint of the last scoring, to go on from.

    Lightning's `save_last` writes it only where the chosen one is written too: a run that was
    killed long after its best score would do all since then again.
    """
    return ModelCheckpoint(
        dirpath=folder,
        filename=LAST_CHECKPOINT.removesuffix(ModelCheckpoint.FILE_EXTENSION),
        enable_version_counter=False,
    )

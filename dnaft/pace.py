"""How long a training step takes: a few real ones, then nothing more of the run."""

import gc
import statistics
import tempfile
import time
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything

from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.fine_tune_run import build_module, fit, method_callbacks
from dnaft.finetuner import predict
from dnaft.run import prepare_backbone
from dnaft.strategy import build_trainer
from dnaft.sweeps.plan import Pace

WARM_UP, MEASURED = 2, 3
_SCORED = 3


class Measured(Exception):
    """Enough steps were measured."""


class Stopwatch(Callback):
    """Notes when training batches end, and stops the run after a few.

    Attributes:
        seconds: Of each batch, loading it included.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._last = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the watch."""
        self._last = _now(pl_module.device)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: object, **__: object
    ) -> None:
        """Note the time; raise `Measured` once there are enough."""
        now = _now(pl_module.device)
        self.seconds.append(now - self._last)
        self._last = now
        if len(self.seconds) == WARM_UP + MEASURED:
            raise Measured


def measure_pace(config: dict[str, Any], task: Task, data: SequenceDataModule) -> Pace:
    """Train a few steps as the run would, score a batch of dev, and say how long that takes.

    The model is loaded as the run loads it, on the device of the run, and nothing is written. Of a
    training set with fewer batches all are measured.

    Args:
        config: The resolved configuration.
        task: The task.
        data: Its encoded splits.

    Raises:
        InputError: If a part of the configuration is wrong.
    """
    seed_everything(config["seed"], workers=True, verbose=False)
    backbone = prepare_backbone(config, task, data)
    module = build_module(config, task, data, backbone)
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="dnaft_") as folder:
        node = {**config["trainer"], "limit_val_batches": 0, "enable_checkpointing": False}
        trainer = build_trainer(
            node,
            callbacks=[*method_callbacks(config), watch],
            logger=False,
            default_root_dir=folder,
            enable_progress_bar=False,
        )
        try:
            fit(trainer, module, data)
        except Measured:
            pass
        finally:
            data.trainer = None
    if not watch.seconds:
        raise InputError(
            "trainer: not one training step; raise trainer.max_epochs, trainer.max_steps or "
            "trainer.limit_train_batches"
        )
    device = trainer.strategy.root_device
    backbone.to(device)
    batch = next(iter(data.in_order("dev")))
    scored = []
    for _ in range(_SCORED):
        started = _now(device)
        predict(backbone, [batch])
        scored.append(_now(device) - started)
    kept = watch.seconds[min(WARM_UP, len(watch.seconds) - 1) :]
    pace = Pace(statistics.median(kept), statistics.median(scored), _name(device), len(kept))
    del trainer, module, backbone
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return pace


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()

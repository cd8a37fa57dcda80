"""How long a step takes, found out within bounds of memory and time."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch
from lightning import Callback, LightningModule, Trainer

from dnaft.blueprint import Blueprint
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import counted
from dnaft.pace import MEASURED, Measured, measure_pace
from dnaft.precision import device_type
from dnaft.sweeps.plan import Pace

LONGEST_STEP_SECONDS = 30.0  # that a processor may take, as far as can be told beforehand
LONGEST_SCORING_SECONDS = 10.0  # of a batch of dev, which is scored three times
PATIENCE_SECONDS = 30.0  # after which no further batch begins
SHARE_OF_FREE_MEMORY = 0.5  # the rest is others'
_SIDE, _TRIALS = 512, 20


class Patience(Callback):
    """Ends the measuring if the batches so far were slow, after the first at the earliest.

    Args:
        seconds: After which no further batch begins.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun: float | None = None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, *_: object, **__: object
    ) -> None:
        """Start the watch, or raise `Measured` if the time is over."""
        now = time.monotonic()
        if self._begun is None:
            self._begun = now
        elif now - self._begun > self.seconds:
            raise Measured


@dataclass(frozen=True)
class Bounds:
    """What measuring may take.

    Attributes:
        memory: Bytes.
        operations_a_second: Of the processor; None on a GPU, where no step is too long.
    """

    memory: float
    operations_a_second: float | None

    @classmethod
    def here(cls, trainer: dict[str, Any]) -> "Bounds":
        """Return those of this machine, and of the device that a trainer would take."""
        free = SHARE_OF_FREE_MEMORY * psutil.virtual_memory().available
        on_cpu = device_type(trainer.get("accelerator", "auto")) == "cpu"
        return cls(free, _operations_a_second() if on_cpu else None)

    def rows(self, blueprint: Blueprint, batch: int, tokens: float) -> int:
        """Return how many rows of a training batch can be measured; 0 for none."""
        if self.operations_a_second is None:  # what a GPU can hold shows there
            return batch if blueprint.weights <= self.memory else 0
        allowed = LONGEST_STEP_SECONDS * self.operations_a_second

        def fits(rows: int) -> bool:
            read = rows * tokens
            return blueprint.training(read) <= allowed and blueprint.memory(read) <= self.memory

        return _most(batch, fits)

    def scored_rows(self, blueprint: Blueprint, batch: int, tokens: float) -> int:
        """Return how many rows of a batch of dev can be scored; one at least."""
        if self.operations_a_second is None:
            return batch
        allowed = LONGEST_SCORING_SECONDS * self.operations_a_second
        return max(1, _most(batch, lambda rows: blueprint.reading(rows * tokens) <= allowed))


def measure_within(
    config: dict[str, Any],
    task: Task,
    data: SequenceDataModule,
    blueprint: Blueprint | None,
    bounds: Bounds,
    steps: int,
    stands_in: bool,
) -> tuple[Pace | None, str]:
    """Return the pace of a run, and what to know of it, or why there is none.

    Of batches that would take too long a part is measured, and the pace scaled up.

    Args:
        config: The resolved configuration.
        task: The task.
        data: Its encoded splits, or what stands in for them.
        blueprint: How large the model is; None if that is not known: then nothing is bounded.
        bounds: What measuring may take.
        steps: Optimiser steps of the run.
        stands_in: Whether `data` has other rows than the run.

    Raises:
        InputError: If a part of the configuration is wrong.
    """
    dev: Any = data.in_order("dev").dataset
    of_train, of_dev = data.batch_size, min(data.eval_batch_size, len(dev))
    rows, scored = of_train, of_dev
    if blueprint is not None:
        tokens = data.summary()["tokens"]["train"]["mean"]
        rows = bounds.rows(blueprint, of_train, tokens)
        if rows == 0:
            return None, _too_large(blueprint, bounds, tokens)
        scored = bounds.scored_rows(blueprint, of_dev, tokens)
    whole = (rows, scored) == (of_train, of_dev)
    trainer = config["trainer"]
    if (stands_in or not whole) and steps:  # schedules are those of the run all the same
        trainer = {**trainer, **_STEPS_ALONE, "max_steps": steps}
    part = copy.copy(data)
    part.batch_size = rows
    part.eval_batch_size = data.eval_batch_size if scored == of_dev else scored
    patience = {"_target_": f"{__name__}.Patience", "seconds": PATIENCE_SECONDS}
    method = config["method"]
    method = {**method, "callbacks": {**method["callbacks"], "measuring": patience}}
    try:
        pace = measure_pace({**config, "trainer": trainer, "method": method}, task, part)
    except torch.OutOfMemoryError:
        return None, "a step does not fit into the memory of the GPU; lower data.batch_size"
    remarks = []
    if not whole:
        remarks.append(
            f"measured with {rows} of {of_train} rows a batch, {scored} of {of_dev} of dev, and "
            "scaled up: whole batches would take too long or too much memory here"
        )
    if pace.steps < MEASURED <= steps:
        remarks.append(f"measured from {counted(pace.steps, 'step')} alone")
    pace = replace(
        pace,
        batch_seconds=pace.batch_seconds * of_train / rows,
        scoring_seconds=pace.scoring_seconds * of_dev / scored,
    )
    return pace, "; ".join(remarks)


# What a trainer is told where only the number of steps in all is known to be right.
_STEPS_ALONE = {
    "max_epochs": -1,
    "limit_train_batches": 1.0,
    "val_check_interval": 1.0,
    "check_val_every_n_epoch": 1,
}


def _too_large(blueprint: Blueprint, bounds: Bounds, tokens: float) -> str:
    needed = blueprint.memory(tokens)
    if needed > bounds.memory:
        why = f"takes about {needed / 1e9:.0f} GB, more than half of the memory that is free here"
    else:
        why = "takes too long here, a row at a time"
    return f"a step of {blueprint.parameters:,} parameters {why}"


def _most(batch: int, fits: Callable[[int], bool]) -> int:
    """Return a batch, or the largest of its halves, quarters and so on that fits; 0 for none."""
    rows = batch
    while rows and not fits(rows):
        rows //= 2
    return rows


def _operations_a_second() -> float:
    """Return how fast this processor multiplies matrices, with the threads that torch has."""
    matrix = torch.randn(_SIDE, _SIDE, generator=torch.Generator().manual_seed(0))
    matrix @ matrix
    started = time.perf_counter()
    for _ in range(_TRIALS):
        matrix @ matrix
    return _TRIALS * 2 * _SIDE**3 / (time.perf_counter() - started)

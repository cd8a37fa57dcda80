"""How long a run takes, and the training itself."""

import time
from typing import Any

from lightning import Callback, LightningModule, Trainer

from dnaft.batch import Batch


class Throughput(Callback):
    """Count samples and seconds of training batches; validation and start-up stay outside.

    Args:
        started: `time.perf_counter()` at the start of the run.

    Attributes:
        seconds: Time spent in training batches, in this process.
        samples: Rows trained on, in all processes.
        earlier_seconds: Time of this run until the checkpoint that it was resumed from, all in all.
    """

    def __init__(self, started: float) -> None:
        self.started = started
        self.earlier_seconds = 0.0
        self.seconds = 0.0
        self.samples = 0
        self._start = 0.0

    @property
    def samples_per_second(self) -> float | None:
        """Rows a second, or None before the first batch."""
        return self.samples / self.seconds if self.seconds else None

    def on_train_batch_start(self, *_: object, **__: object) -> None:
        """Start the watch."""
        self._start = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Stop the watch."""
        self.seconds += time.perf_counter() - self._start
        self.samples += len(batch.labels) * trainer.world_size  # parts of a batch are alike

    def state_dict(self) -> dict[str, Any]:
        """Return the counts, so that a resumed run reports the whole."""
        elapsed = self.earlier_seconds + time.perf_counter() - self.started
        return {"seconds": self.seconds, "samples": self.samples, "elapsed": elapsed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put the counts back."""
        self.seconds, self.samples = state_dict["seconds"], state_dict["samples"]
        self.earlier_seconds = state_dict["elapsed"]

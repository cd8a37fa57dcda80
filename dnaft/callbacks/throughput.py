"""How long the training itself takes."""

import time
from typing import Any

from lightning import Callback, LightningModule, Trainer

from dnaft.batch import Batch


class Throughput(Callback):
    """Count samples and seconds of training batches; validation and start-up stay outside.

    Attributes:
        seconds: Time spent in training batches, in this process.
        samples: Rows trained on, in all processes.
    """

    def __init__(self) -> None:
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
        return {"seconds": self.seconds, "samples": self.samples}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Put the counts back."""
        self.seconds, self.samples = state_dict["seconds"], state_dict["samples"]

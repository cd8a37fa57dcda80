"""Model, objective and optimiser under one Lightning module."""

from typing import Any

import numpy as np
import torch
from lightning import LightningModule
from torch import Tensor
from torch.nn import functional

from dnaft.errors import InputError
from dnaft.optimization import AdamW
from dnaft.pretraining.model import target_logits
from dnaft.pretraining.objectives import TokenBatch


class Pretrainer(LightningModule):
    """Predict tokens, and count what has been done.

    Args:
        model: A transformers language model.
        optimizer: Optimiser and schedule.
        steps: Optimiser steps of the whole schedule.
        seed: Seed of dropout, which depends on it, the batch and the process alone.
        identity: What must be the same for a checkpoint to be continued.
        embedding_rate: What the learning rate of the token embeddings is multiplied with. Adam
            moves a number by about the learning rate however rare its token is, so thousands of
            rows that are seen now and then wander at high rates.

    Attributes:
        tokens_seen: Tokens trained on by this process since the beginning.
        seconds: Time in training since the beginning, kept up by `Pace`.
        nats: Sum of -log p of the targets since `recent` was called.
    """

    def __init__(
        self,
        model: Any,
        optimizer: AdamW,
        steps: int,
        seed: int,
        identity: dict[str, Any],
        embedding_rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.model = model
        self.optimizer_config = optimizer
        self.steps = steps
        self.identity = identity
        self.tokens_seen = 0
        self.seconds = 0.0
        self._seed = seed
        self._embedding_rate = embedding_rate
        self._batches = 0
        self._nats: Tensor | float = 0.0
        self._targets = 0

    def on_fit_start(self) -> None:
        """Enter training mode; Lightning keeps whatever mode a module is in."""
        self.train()

    def training_step(self, batch: TokenBatch, batch_idx: int) -> Tensor:
        """Return the mean -log p of the targets of a micro-batch."""
        torch.manual_seed(self._dropout_seed())
        loss = functional.cross_entropy(target_logits(self.model, batch), batch.targets)
        self._batches += 1
        self.tokens_seen += batch.tokens
        self._nats = self._nats + loss.detach().double() * len(batch.targets)
        self._targets += len(batch.targets)
        return loss

    def recent(self) -> float:
        """Return the mean -log p, in nats, of all targets since the last call."""
        mean = float(self._nats) / max(1, self._targets)
        self._nats, self._targets = 0.0, 0
        return mean

    def check_finite(self) -> None:
        """Stop a training that has come to nothing.

        Raises:
            InputError: If the loss is no number.
        """
        if not np.isfinite(float(self._nats)):
            raise InputError(
                f"optimizer.lr: the loss is no number any more after {self.tokens_seen:,} tokens; "
                "begin anew with a lower optimizer.lr or a longer optimizer.warmup_fraction"
            )

    def configure_optimizers(self) -> Any:
        """Return the optimiser with a schedule over all planned steps."""
        embeddings = self.model.get_input_embeddings().weight
        named = list(self.named_parameters())
        factors = {name: self._embedding_rate for name, weight in named if weight is embeddings}
        optimizer, scheduler = self.optimizer_config.build(named, self.steps, factors)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the counts."""
        checkpoint["pretraining"] = {
            "identity": self.identity,
            "tokens_seen": self.tokens_seen,
            "seconds": self.seconds,
            "batches": self._batches,
            "nats": float(self._nats),
            "targets": self._targets,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the counts back.

        Raises:
            InputError: If the checkpoint is of another pretraining.
        """
        stored = checkpoint["pretraining"]
        for key, value in self.identity.items():
            if stored["identity"].get(key) != value:
                raise InputError(
                    f"resume: the checkpoint was written with {key} = "
                    f"{stored['identity'].get(key)}, now it is {value}; resume with the same "
                    "settings, or begin anew with resume=false"
                )
        self.tokens_seen, self.seconds = stored["tokens_seen"], stored["seconds"]
        self._batches = stored["batches"]
        self._nats, self._targets = stored["nats"], stored["targets"]

    def _dropout_seed(self) -> int:
        """A function of seed, batch and process: no random state needs to be kept."""
        words = np.random.SeedSequence((self._seed, self._batches, self.global_rank))
        return int(words.generate_state(1, np.uint64)[0] >> np.uint64(1))

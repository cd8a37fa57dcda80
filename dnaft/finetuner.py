"""Backbone, adapter and head under one Lightning module."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from lightning import LightningModule
from lightning.fabric.utilities import move_data_to_device
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import SumMetric

from dnaft.batch import Batch
from dnaft.collectives import gather, gather_at_first, processes, share_loss
from dnaft.data.shares import own_batches
from dnaft.errors import InputError
from dnaft.losses import TaskLoss
from dnaft.methods.triplets import find_triplets
from dnaft.metrics import Kind, build_metrics, to_floats
from dnaft.models.backbone import Backbone
from dnaft.optimization import AdamW
from dnaft.ranks.compaction import take_shapes
from dnaft.ranks.orthogonality import orthogonality_penalty


class FineTuner(LightningModule):
    """Train what the method left trainable, score dev and test over whole splits.

    Logged: `train/loss`; `train/orthogonality` where singular vectors are kept apart; at each look
    at dev `dev/loss` and `dev/<metric>`, or those of the split that is watched instead. The dev
    loss is that of the task alone, over the whole split and as in training: weighted, focal,
    smoothed if the training loss is.

    Args:
        backbone: Backbone with head and adapter.
        kind: Kind of the task.
        outputs: Logits a sequence.
        optimizer: Optimiser and schedule.
        orthogonality_weight: Weight of ||P^T P - I||^2 + ||Q Q^T - I||^2 in the training loss,
            AdaLoRA Eq. (4); for SVD adapters only.
        loss: Loss of the task; None for the plain one of its kind.
        watched: The split that validation scores, as its logged keys call it.

    Raises:
        ValueError: If the weight is negative, or given without SVD adapters.
    """

    def __init__(
        self,
        backbone: Backbone,
        kind: Kind,
        outputs: int,
        optimizer: AdamW,
        orthogonality_weight: float = 0.0,
        loss: TaskLoss | None = None,
        watched: str = "dev",
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.kind: Kind = kind
        self.watched = watched
        self.optimizer_config = optimizer
        self.orthogonality_weight = orthogonality_weight
        self.triplets = find_triplets(backbone)
        if orthogonality_weight < 0:
            raise ValueError(f"must not be negative, got {orthogonality_weight}")
        if orthogonality_weight > 0 and not self.triplets:
            raise ValueError("the method has no singular vectors to keep orthogonal; set it to 0")
        self.loss = loss or TaskLoss(kind)
        # Two sums: MeanMetric takes no weights where it lets nan pass.
        self.dev_loss = SumMetric(nan_strategy="disable")
        self.dev_count = SumMetric(nan_strategy="disable")
        self.dev_metrics = build_metrics(kind, outputs)
        self._random_state: dict[str, Any] | None = None
        # Checkpoints leave the frozen weights out, see on_save_checkpoint.
        self.strict_loading = False

    def on_fit_start(self) -> None:
        """Enter training mode; Lightning keeps whatever mode a module is in."""
        self.train()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of the task plus the weighted orthogonality term."""
        logits = self.backbone(*batch.inputs)
        own: Tensor = self.loss(logits, batch.labels)
        loss, of_all = share_loss(own, self.loss.count(batch.labels))
        self.log("train/loss", of_all, prog_bar=True, batch_size=len(batch.labels))
        if self.orthogonality_weight > 0:
            penalty = orthogonality_penalty(self.triplets)
            self.log("train/orthogonality", penalty, batch_size=len(batch.labels))
            loss = loss + self.orthogonality_weight * penalty
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collect the predictions of the dev split and its loss."""
        logits = read_logits(self.backbone, batch)
        if batch_idx >= own_batches(self.trainer.val_dataloaders):
            return
        count = self.loss.count(batch.labels)
        self.dev_loss.update(count * self.loss(logits, batch.labels))
        self.dev_count.update(count)
        self.dev_metrics.update(logits, batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Log loss and scores of the whole dev split."""
        self.log(f"{self.watched}/loss", self.dev_loss.compute() / self.dev_count.compute())
        self.dev_loss.reset()
        self.dev_count.reset()
        scores = to_floats(self.dev_metrics.compute())
        self.dev_metrics.reset()
        self.log_dict({f"{self.watched}/{name}": value for name, value in scores.items()})

    def configure_optimizers(self) -> Any:
        """Return the optimiser with a schedule over all planned steps."""
        total = int(self.trainer.estimated_stepping_batches)
        backbone = self.backbone
        optimizer, scheduler = self.optimizer_config.build(
            backbone.named_parameters(), total, backbone.rate_factors, backbone.vectors
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load a checkpoint, also one from before or after pruned triplets were removed."""
        own: dict[str, Tensor] = dict(self.named_parameters())
        take_shapes(self.triplets, {own[n]: t for n, t in state_dict.items() if n in own})
        return super().load_state_dict(state_dict, strict=strict, assign=assign)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave frozen weights out: they come from the base model, which may be large."""
        frozen = {name for name, p in self.named_parameters() if not p.requires_grad}
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {k: v for k, v in state.items() if not _is_of(k, frozen)}
        # Dropout of a resumed run goes on where the interrupted one stopped, in each process.
        checkpoint["random_states"] = gather(_random_state(self.device))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the random state until training begins.

        Raises:
            InputError: If as many processes as now did not write the checkpoint.
        """
        states = checkpoint["random_states"]
        if len(states) != processes():
            raise InputError(
                f"resume: the checkpoint was written by {len(states)} processes, now there are "
                f"{processes()}; resume with trainer.devices as it was"
            )
        self._random_state = states[self.global_rank]

    def on_train_start(self) -> None:
        """Put the random state of a checkpoint back, after everything else that draws."""
        if self._random_state is not None:
            torch.set_rng_state(self._random_state["cpu"].cpu())
            if "cuda" in self._random_state and self.device.type == "cuda":
                torch.cuda.set_rng_state(self._random_state["cuda"].cpu(), self.device)
            self._random_state = None
        elif self.global_rank > 0:
            # Models are alike by now; the rows differ, and so should what dropout drops.
            mixed = np.random.SeedSequence([torch.initial_seed(), self.global_rank])
            torch.manual_seed(int(mixed.generate_state(1)[0]))


def _random_state(device: torch.device) -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def read_logits(backbone: Backbone, batch: Batch) -> Tensor:
    """Return one line of logits a row: of rows on both strands, the mean of the two."""
    logits: Tensor = backbone(*batch.inputs)
    if batch.strands == 1:
        return logits
    return logits.float().reshape(batch.strands, -1, *logits.shape[1:]).mean(dim=0)


@torch.inference_mode()
def predict(
    backbone: Backbone, loader: Iterable[Batch], order: NDArray[np.int64] | None = None
) -> tuple[Tensor, Tensor]:
    """Return logits and labels of all rows, in float32 on the CPU.

    The scores so obtained are those of the model that is saved, whatever precision it was trained
    in. Of several processes each reads its batches (`EvalShares`); the first gets all rows, the
    others none.

    Args:
        backbone: The model, on its device.
        loader: Batches of a split.
        order: The rows that the batches hold, in turn; None if that is the order of the file, in
            which the results come.
    """
    backbone.eval()
    device = next(backbone.parameters()).device
    logits, labels = [], []
    own = own_batches(loader)
    for index, batch in enumerate(loader):
        output = read_logits(backbone, move_data_to_device(batch, device))
        if index < own:
            logits.append(output.float().cpu())
            labels.append(batch.labels)
    found = gather_at_first(list(zip(logits, labels, strict=True)))
    in_order = [pair for turn in zip_longest(*found) for pair in turn if pair is not None]
    if not in_order:
        return torch.empty(0), torch.empty(0)
    whole = torch.cat([of for of, _ in in_order]), torch.cat([of for _, of in in_order])
    if order is None:
        return whole
    back = torch.from_numpy(np.argsort(order))
    return whole[0][back], whole[1][back]


def _is_of(key: str, names: set[str]) -> bool:
    """Whether an entry is a parameter of these, or a part of one: four bits come with scales."""
    parts = key.split(".")
    return any(".".join(parts[:end]) in names for end in range(1, len(parts) + 1))

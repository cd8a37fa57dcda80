"""A run that is trained in one pass with others."""

import logging
from typing import Any

from lightning import Callback, LightningModule, Trainer

from dnaft.methods.slot_layer import CannotShareError
from dnaft.together.seat import Seat

log = logging.getLogger(__name__)


class TrainTogether(Callback):
    """Let the model of a run share the passes through its frozen layers with other runs.

    Args:
        seat: The place of the run among them.
        pad_id: Token id of padding.
    """

    def __init__(self, seat: Seat, pad_id: int) -> None:
        self._seat = seat
        self._pad_id = pad_id

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Join the others, now that weights are restored and on their device."""
        module: Any = pl_module
        try:
            self._seat.join(module.backbone, self._pad_id)
        except CannotShareError as reason:
            log.info("trained by itself: %s", reason)

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the gradient pass the frozen layers."""
        self._seat.finish_backward()

    def on_validation_batch_start(self, *_: Any, **__: Any) -> None:
        """End here if the process was interrupted: nothing else waits in a look at dev."""
        self._seat.check()

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save this run's part of tensors that hold those of all runs, not all of them."""
        state = checkpoint["state_dict"]
        for name, tensor in state.items():
            if tensor.untyped_storage().nbytes() > tensor.nbytes:
                state[name] = tensor.clone()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the others."""
        module: Any = pl_module
        self._seat.leave(module.backbone)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Leave the others; they go on."""
        self.on_train_end(trainer, pl_module)

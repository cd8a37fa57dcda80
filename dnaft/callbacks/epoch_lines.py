"""One line for every look at dev, where there is no progress bar."""

import logging

from lightning import Callback, LightningModule, Trainer

log = logging.getLogger(__name__)


class EpochLines(Callback):
    """Say how far the run is and how dev scores, for logs and clusters.

    Args:
        metric: The dev score that chooses the checkpoint.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print step, dev loss and dev score."""
        found = trainer.callback_metrics
        log.info(
            "epoch %d, step %s: dev loss %.4f, dev %s %.4f",
            trainer.current_epoch + 1,
            f"{trainer.global_step:,}",
            float(found["dev/loss"]),
            self.metric,
            float(found[f"dev/{self.metric}"]),
        )

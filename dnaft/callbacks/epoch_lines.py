"""One line for every look at dev, where there is no progress bar."""

import logging

from lightning import Callback, LightningModule, Trainer

log = logging.getLogger(__name__)


class EpochLines(Callback):
    """Say how far the run is and how dev scores, for logs and clusters.

    Args:
        metric: The score that chooses the checkpoint.
        watched: The split it is the score of.
    """

    def __init__(self, metric: str, watched: str = "dev") -> None:
        self.metric = metric
        self.watched = watched

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print step, loss and score."""
        found = trainer.callback_metrics
        log.info(
            "epoch %d, step %s: %s loss %.4f, %s %s %.4f",
            trainer.current_epoch + 1,
            f"{trainer.global_step:,}",
            self.watched,
            float(found[f"{self.watched}/loss"]),
            self.watched,
            self.metric,
            float(found[f"{self.watched}/{self.metric}"]),
        )

"""`python -m dnaft.train` whose processes leave their rank history, and one of which may die.

Processes of a run import this file again, so that all of them have what is added here.
"""

import json
import os
import signal
from pathlib import Path

from lightning import LightningModule, Trainer

from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.train import main


def leave_history(self: RankSampler, trainer: Trainer, module: LightningModule) -> None:
    file = Path(os.environ["HISTORIES"], f"{trainer.global_rank}.json")
    content = {"rows": self.history.to_rows(), "mask": self._pruned.mask.tolist()}
    file.write_text(json.dumps(content))


def die(self: RankSampler, trainer: Trainer, module: LightningModule) -> None:
    if os.environ.get("DIES_IN_EPOCH") == str(trainer.current_epoch) and trainer.global_rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)


RankSampler.on_fit_end = leave_history  # type: ignore[method-assign]
RankSampler.on_train_epoch_start = die  # type: ignore[method-assign]

if __name__ == "__main__":
    main()

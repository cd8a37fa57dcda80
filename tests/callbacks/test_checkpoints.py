"""Which checkpoint a score chooses when the first part of a run is left out."""

from pathlib import Path

import pytest
import torch
from lightning import Trainer
from scripted import ROWS, Scripted
from torch.utils.data import DataLoader

from dnaft.callbacks.checkpoints import LateChoice, newest


@pytest.mark.parametrize(
    ("after", "step"), [(0.0, 4), (0.2, 4), (0.21, 12), (0.6, 12), (0.61, 16), (1.0, 20)]
)
def test_the_best_of_the_late_ones_is_kept_and_the_newest_in_any_case(
    tmp_path: Path, after: float, step: int
) -> None:
    """Five epochs of four steps; the scores fall, but for one that is as good as the first."""
    choice = LateChoice(after, dirpath=tmp_path, filename="best", monitor="dev/mcc", mode="max")
    trainer = Trainer(
        max_epochs=5,
        num_sanity_val_steps=0,
        accelerator="cpu",
        callbacks=[choice, newest(tmp_path)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Scripted("dev/mcc", [0.9, 0.7, 0.8, 0.6, 0.5])
    trainer.fit(module, DataLoader(ROWS, batch_size=None), DataLoader(ROWS, batch_size=None))
    kept = torch.load(choice.best_model_path, weights_only=True)
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert (kept["global_step"], last["global_step"]) == (step, 20)
    (chosen,) = (s for name, s in last["callbacks"].items() if name.startswith("LateChoice"))
    assert chosen["best_model_path"] == choice.best_model_path
    assert {file.name for file in tmp_path.iterdir()} == {"best.ckpt", "last.ckpt"}

"""Overrides that make a run of the command line a matter of a second, and its result."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dnaft.data.packed import read_packed
from dnaft.finetuner import FineTuner

ASSETS = Path(__file__).parents[1] / "dnaft" / "assets"

SMALL = [
    "model.architecture.hidden_size=16",
    "model.architecture.num_attention_heads=2",
    "trainer.accelerator=cpu",
    "progress=false",
]
SMALL_BERT = ["model=tiny", *SMALL, "model.architecture.intermediate_size=16"]
SMALL_OPT = [*SMALL, "model.architecture.ffn_dim=16", "model.architecture.word_embed_proj_dim=16"]

Command = Callable[..., Path]


def result(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return content


def write_promoters(
    folder: Path, rows: Mapping[str, int], share: int, length_bp: Callable[[int], int]
) -> list[str]:
    """Write the first packaged yeast promoters as files; return overrides of their task.

    Args:
        folder: Where to.
        rows: How many rows train, dev and test have.
        share: One row in so many has label 1; those come first.
        length_bp: Of a row by its number, the last bases of the window.
    """
    windows = read_packed(ASSETS / "yeast" / "promoter.safetensors")
    sequences = windows.sequences()
    overrides = ["task=csv", "task.name=promoters"]
    for code, (split, count) in enumerate(rows.items()):
        of_split = [i for i, s in enumerate(windows.split) if s == code]
        chosen = [i for i in of_split if windows.labels[i]][: count // share]
        chosen += [i for i in of_split if not windows.labels[i]][: count - count // share]
        with (folder / f"{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sequence", "label"])
            for n, i in enumerate(chosen):
                writer.writerow([sequences[i][-length_bp(n) :], int(windows.labels[i])])
        overrides.append(f"task.source.{split}={folder / split}.csv")
    return overrides


class Interrupted(Exception):
    """Stands for a killed process."""


@contextmanager
def interrupted_in_epoch(epoch: int) -> Iterator[None]:
    """Within, training ends as if killed where this epoch begins, and it must come so far."""

    def fail(module: FineTuner) -> None:
        if module.current_epoch == epoch:
            raise Interrupted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FineTuner, "on_train_epoch_start", fail)
        with pytest.raises(Interrupted):
            yield

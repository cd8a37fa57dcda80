"""Overrides that make a run of the command line a matter of a second, and its result."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dnaft.finetuner import FineTuner

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

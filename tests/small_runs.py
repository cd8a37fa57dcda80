"""Overrides that make a run of the command line a matter of a second, and its result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

"""What a pretraining leaves behind: a transformers folder with vocabulary and curve."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from dnaft.loggers import METRICS
from dnaft.tokenizers.base import Tokenizer

CURVE = "curve.csv"

Precision = Literal["float16", "float32"]
_DTYPES: dict[str, torch.dtype] = {"float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True)
class ExportSettings:
    """How the result is saved.

    Attributes:
        precision: Of the weights; float16 takes half the room and holds weights of this size.
    """

    precision: Precision


def round_weights(model: Any, precision: Precision) -> None:
    """Round the weights to what will be saved, so that numbers are those of the saved ones."""
    if precision != "float32":
        model.to(_DTYPES[precision]).float()


def save_model(
    model: Any, tokenizer: Tokenizer, species: str | None, folder: Path, precision: Precision
) -> None:
    """Write config.json, model.safetensors and the vocabulary.

    Args:
        model: The language model, in float32.
        tokenizer: Its vocabulary, as tokenizer.json or vocab.txt.
        species: Name of the species token, if the tokenizer has one.
        folder: Where to; made if need be.
        precision: Of the weights in the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.to(_DTYPES[precision]).save_pretrained(folder)
    model.float()
    save_vocabulary(tokenizer, species, folder)


def save_vocabulary(tokenizer: Tokenizer, species: str | None, folder: Path) -> None:
    """Write tokenizer.json of a byte-pair encoding, or vocab.txt, one token a line by its id."""
    to_json = getattr(tokenizer, "to_json", None)
    if to_json is not None:
        (folder / "tokenizer.json").write_text(to_json(), encoding="utf-8")
        return
    words: list[str] = getattr(tokenizer, "vocabulary")()  # noqa: B009 - not of every tokenizer
    words = words + [f"[unused{i}]" for i in range(tokenizer.vocab_size - len(words))]
    species_id = getattr(tokenizer, "species_id", None)
    if species_id is not None:
        words[species_id] = species or "species"
    text = "".join(f"{word}\n" for word in words[: tokenizer.vocab_size])
    (folder / "vocab.txt").write_text(text, encoding="utf-8")


def join_curves(run_folder: Path, target: Path) -> None:
    """Join the curves of all sessions of a run into one csv, ordered by step.

    An interrupted session may have gone on a few steps after its last checkpoint; the session
    that resumed it did these steps again, and its rows are the ones kept.
    """
    files = sorted(
        run_folder.glob(f"{Path(METRICS).stem}.until_interruption*.csv"),
        key=lambda file: int(file.stem.rpartition("interruption")[2]),
    )
    rows: list[dict[str, str]] = []
    for file in [*files, run_folder / METRICS]:
        if not file.is_file():
            continue
        with file.open(newline="") as content:
            session = list(csv.DictReader(content))
        if session:
            first = int(session[0]["step"])
            rows = [row for row in rows if int(row["step"]) < first] + session
    names = dict.fromkeys(["step", *(name for row in rows for name in row)])
    with target.open("w", newline="") as content:
        writer = csv.DictWriter(content, list(names), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

"""The card of a pretrained model: what it saw, what it can do, how to make it again."""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import Trainer

from dnaft import environment
from dnaft.config import typed_overrides
from dnaft.pretraining.earlier import CARD
from dnaft.pretraining.held_out import Score
from dnaft.pretraining.material import Material
from dnaft.pretraining.plan import Portions
from dnaft.pretraining.pretrainer import Pretrainer
from dnaft.pretraining.yardsticks import Yardsticks, beats_all

FORMAT = "dnaft-pretraining-1"
# What changes nothing of the result: overrides, and keys of the configuration.
_UNNEEDED = ("session.", "output_dir=", "resume=", "logger", "num_workers=", "hydra.")
_NOT_THE_MODEL = ("session", "output_dir", "resume", "logger", "num_workers")


def describe_held_out(
    chromosomes: list[str],
    windows: int,
    score: Score,
    yardsticks: Yardsticks,
    without_annotation: Score | None,
) -> dict[str, Any]:
    """Return the held-out part of the card.

    Args:
        chromosomes: Where the windows come from.
        windows: How many.
        score: The model's.
        yardsticks: What it is compared with, on the same targets.
        without_annotation: The model's where regions are not named in front.
    """
    part: dict[str, Any] = {
        "chromosomes": chromosomes,
        "windows": windows,
        "model": score.as_dict(),
        "yardsticks": yardsticks,
        "beats_all": beats_all(score, yardsticks),
    }
    if without_annotation is not None:
        part["model_without_annotation"] = without_annotation.as_dict()
    return part


def describe(
    config: Mapping[str, Any],
    folder: Path,
    choices: Mapping[str, str],
    material: Material,
    portions: Portions,
    trainer: Trainer,
    module: Pretrainer,
    earlier: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return what the model is, what it saw, where, and how to make it again.

    `earlier` is what `read_earlier` returned, the others are those of the run.
    """
    model = module.model
    typed = [o for o in typed_overrides(folder) if not o.lstrip("+~").startswith(_UNNEEDED)]
    return {
        "model": {
            "name": choices["model"],
            "source": config["model"]["source"],
            "architecture": type(model).__name__,
            "parameters": sum(p.numel() for p in model.parameters()),
            "saved_as": config["export"]["precision"],
        },
        "data": material.genome.summary(),
        "tokenizer": {
            "config": config["tokenizer"],
            "vocab_size": material.tokenizer.vocab_size,
            "species": material.genome.species,
            "fingerprint": material.tokenizer.fingerprint(),
        },
        "training": {
            "objective": config["objective"],
            "window_bp": config["window_bp"],
            "steps": trainer.global_step,
            "steps_planned": portions.steps,
            "rows_per_step": portions.rows,
            "tokens_seen": module.tokens_seen * trainer.world_size,
            "hours": module.seconds / 3600,
            "precision": str(trainer.precision),
            "device": str(trainer.strategy.root_device),
            "devices": trainer.world_size,
            "optimizer": config["optimizer"],
        },
        "earlier": earlier,
        "rebuild": {
            "command": shlex.join(["python", "-m", "dnaft.pretrain", *typed]),
            "code_version": environment.code_version(),
            "config": {k: v for k, v in config.items() if k not in _NOT_THE_MODEL},
        },
        "environment": environment.describe(),
    }


def show(held_out: Mapping[str, Any]) -> str:
    """Return the held-out numbers as a table, and the verdict."""
    columns = ("nats_per_token", "perplexity", "accuracy", "nats_per_base")
    rows = {"model": held_out["model"], **held_out["yardsticks"]}
    if "model_without_annotation" in held_out:
        rows["model, no annotation"] = held_out["model_without_annotation"]
    width = max(len(name) for name in rows)
    lines = [" " * width + "".join(f"  {name.replace('_', ' '):>14}" for name in columns)]
    for name, numbers in rows.items():
        cells = [f"{numbers[c]:.4f}" if c in numbers else "-" for c in columns]
        lines.append(name.ljust(width) + "".join(f"  {cell:>14}" for cell in cells))
    verdict = "yes" if held_out["beats_all"] else "no"
    lines.append(f"\nthe model beats uniform, composition and Markov chain: {verdict}")
    return "\n".join(lines)


def write_card(card: Mapping[str, Any], folder: Path) -> None:
    """Write card.json; the last file, so a folder with it is complete."""
    part = folder / f".{CARD}.part"
    part.write_text(json.dumps({"format": FORMAT, **card}, indent=2) + "\n", encoding="utf-8")
    os.replace(part, folder / CARD)

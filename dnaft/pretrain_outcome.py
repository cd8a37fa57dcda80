"""After a pretraining: held-out numbers, the model's folder, what the terminal shows."""

import logging
import shutil
from pathlib import Path
from typing import Any

from lightning import Trainer

from dnaft.pretraining import card
from dnaft.pretraining.export import CURVE, ExportSettings, join_curves, round_weights, save_model
from dnaft.pretraining.held_out import HeldOutSettings
from dnaft.pretraining.material import Material
from dnaft.pretraining.plan import Portions
from dnaft.pretraining.yardsticks import Yardsticks
from dnaft.run_folder import CARD

log = logging.getLogger(__name__)

UNFINISHED = "unfinished"  # folder of the model so far, when a session stops before the end


def score_model(
    trainer: Trainer,
    model: Any,
    material: Material,
    settings: HeldOutSettings,
    export: ExportSettings,
    yardsticks: Yardsticks,
) -> dict[str, Any]:
    """Return the held-out numbers of the weights as they will be saved, computed in float32."""
    round_weights(model, export.precision)
    model.to(trainer.strategy.root_device)
    score = material.held_out.score(model, settings.windows)
    apart = material.without_annotation
    unnamed = apart.score(model, settings.windows) if apart is not None else None
    model.cpu()
    chromosomes = material.genome.names("dev")
    return card.describe_held_out(chromosomes, settings.windows, score, yardsticks, unnamed)


def deliver(
    model: Any,
    material: Material,
    export: ExportSettings,
    stopped: bool,
    folder: Path,
    about: dict[str, Any],
    held_out: dict[str, Any],
) -> None:
    """Write the model's folder; the card comes last: a folder with it is complete."""
    target = folder / UNFINISHED if stopped else (folder / CARD).parent
    save_model(model, material.tokenizer, material.genome.species, target, export.precision)
    join_curves(folder, target / CURVE)
    card.write_card({"finished": not stopped, **about, "held_out": held_out}, target)
    if not stopped:
        shutil.rmtree(folder / UNFINISHED, ignore_errors=True)


def flatten(held_out: dict[str, Any]) -> dict[str, float]:
    """Return the model's numbers for the dashboard."""
    return {f"held_out/{name}": value for name, value in held_out["model"].items()}


def report(
    stopped: bool,
    step: int,
    portions: Portions,
    held_out: dict[str, Any],
    folder: Path,
    lines: list[str],
) -> None:
    """Tell the user what came out and where it lies."""
    log.info("\nheld-out windows of %s\n", ", ".join(held_out["chromosomes"]))
    log.info(card.show(held_out))
    if stopped:
        log.info(
            "\nstopped at step %s of %s, as session.hours says; the same command with "
            "resume=true goes on. The model so far: %s",
            f"{step:,}",
            f"{portions.steps:,}",
            folder / UNFINISHED,
        )
    else:
        log.info("\nthe model, for model.source of dnaft.train: %s", (folder / CARD).parent)
    for line in lines:
        log.info(line)

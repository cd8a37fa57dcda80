"""Where curves go: a csv file in the run folder, or Weights & Biases beside it."""

import os
import socket
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

METRICS = "metrics.csv"
_WANDB_HOST = ("api.wandb.ai", 443)


def csv_logger(folder: Path) -> list[Logger]:
    """Return a logger that writes `metrics.csv` into the run folder."""
    _set_aside(folder / METRICS)
    return [CSVLogger(save_dir=folder, name="", version="")]


def wandb_logger(
    folder: Path,
    project: str = "dnaft",
    entity: str | None = None,
    mode: Literal["online", "offline"] | None = None,
) -> list[Logger]:
    """Return the csv logger and one that mirrors it to Weights & Biases.

    Args:
        folder: Run folder; the files of an offline run lie in its `wandb/`.
        project: Project on the dashboard.
        entity: Account or team; None takes the key's own.
        mode: None goes offline where there is no key or no network, and says how to sync.
    """
    offline = (mode or _wandb_mode()) == "offline"
    # Quiet the service's own lines; ours says what to do.
    os.environ.setdefault("WANDB_SILENT", "true")
    mirror = WandbLogger(
        name="/".join(folder.parts[-4:]),
        save_dir=folder,
        project=project,
        offline=offline,
        entity=entity,
    )
    return [*csv_logger(folder), mirror]


def finish(loggers: list[Logger], summary: dict[str, Any], config: dict[str, Any]) -> list[str]:
    """Hand the result to the dashboard, close it, and return lines for the user.

    Args:
        loggers: What `csv_logger` or `wandb_logger` returned.
        summary: Final scores, flat.
        config: The resolved configuration.
    """
    lines = []
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            run = logger.experiment
            run.config.update(config, allow_val_change=True)
            run.summary.update(summary)
            folder = Path(run.dir).parent
            run.finish()
            if logger._offline:
                lines.append(f"W&B ran offline; upload with: wandb sync {folder}")
    return lines


def _wandb_mode() -> str:
    """Online with a key and a network, else offline."""
    stated = os.environ.get("WANDB_MODE")
    if stated:
        return "online" if stated == "online" else "offline"
    import wandb

    if not wandb.api.api_key:
        return "offline"
    try:
        with socket.create_connection(_WANDB_HOST, timeout=3):
            return "online"
    except OSError:
        return "offline"


def _set_aside(file: Path) -> None:
    """Keep the curve of an interrupted run: the logger would begin the file anew."""
    if file.is_file():
        number = 1
        while (aside := file.with_name(f"metrics.until_interruption{number}.csv")).exists():
            number += 1
        file.rename(aside)

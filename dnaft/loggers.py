"""Where curves go: a csv file in the run folder, or Weights & Biases beside it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import CSVLogger, Logger

from dnaft.config import build
from dnaft.dashboard.connection import find_mode, flatten
from dnaft.dashboard.mirror import Mirror
from dnaft.dashboard.unfinished import find_session, read_curve, set_sessions_aside
from dnaft.errors import InputError

METRICS = "metrics.csv"
_ASIDE = "metrics.until_interruption{}.csv"
_TAGGED = ("task", "genome", "model", "method")  # groups whose choices say what a run is
_LONGEST_TAG = 64  # W&B's limit
_MOST_ROWS = 10_000  # likewise, of a table


@dataclass(frozen=True)
class About:
    """What a dashboard is told of a run before it begins.

    Attributes:
        kind: The method, or `pretrain`.
        tags: The task or genome, the model, the method.
        config: The resolved configuration.
    """

    kind: str
    tags: tuple[str, ...]
    config: Mapping[str, Any]


def open_loggers(
    config: Mapping[str, Any], folder: Path, choices: Mapping[str, str]
) -> list[Logger]:
    """Return the loggers that `config` asks for.

    Args:
        config: The resolved configuration.
        folder: The run folder.
        choices: The name chosen in each configuration group.

    Raises:
        InputError: If the settings of a logger are wrong, or W&B refuses the run.
    """
    tags = tuple(choices[g] for g in _TAGGED if choices.get(g, "none") != "none")
    about = About(choices.get("method", "pretrain"), tags, config)
    made: list[Logger] = build(config["logger"], "logger")(folder, about)
    return made


def csv_logger(folder: Path, about: About) -> list[Logger]:
    """Return a logger that writes `metrics.csv` into the run folder, which says what the run is."""
    _set_aside(folder / METRICS)
    return [CSVLogger(save_dir=folder, name="", version="")]


def wandb_logger(
    folder: Path,
    about: About,
    project: str = "dnaft",
    entity: str | None = None,
    group: str | None = None,
    tags: Sequence[str] = (),
    mode: Literal["online", "offline"] | None = None,
    table_rows: int = 1000,
) -> list[Logger]:
    """Return the csv logger and one that mirrors it to Weights & Biases.

    A run that is resumed keeps its id there. Where W&B cannot know the curve so far, because the
    session that logged it was offline, the curve is logged again.

    Args:
        folder: Run folder; the files of an offline run lie in its `wandb/`.
        about: What the run is.
        project: Project on the dashboard.
        entity: Account or team; None takes the key's own.
        group: What runs belong together; None: the sweep they are of, or nothing.
        tags: Beside task, model and method.
        mode: None goes offline where there is no key or no network, and says how to sync.
        table_rows: Test predictions in a table at most, 0 to 10,000; also the points of a plot of
            a regression, where 0 shows them all.

    Raises:
        InputError: If W&B refuses the run.
        ValueError: If `table_rows` is out of its domain.
    """
    if not 0 <= table_rows <= _MOST_ROWS:
        raise ValueError(f"table_rows must be 0 to {_MOST_ROWS:,}, got {table_rows}")
    # Quiet the service's own lines; ours says what to do.
    os.environ.setdefault("WANDB_SILENT", "true")
    chosen = mode or find_mode()
    loggers = csv_logger(folder, about)
    if chosen == "disabled":
        return loggers
    session = find_session(folder)
    has_curve = session is not None and chosen == "online" and not session[1]
    if chosen == "offline":
        set_sessions_aside(folder)
    of_agent = "WANDB_SWEEP_ID" in os.environ
    mirror = Mirror(
        earlier=[] if has_curve else read_curve(_curves_aside(folder)),
        table_rows=table_rows,
        name="/".join(folder.parts[-4:]),
        save_dir=folder,
        mode=chosen,
        group=group,
        job_type=about.kind,
        tags=[tag[:_LONGEST_TAG] for tag in dict.fromkeys([*about.tags, *tags])],
        config=flatten(about.config) if of_agent else dict(about.config),
        # An agent of a W&B sweep says by itself which run this is.
        **({} if of_agent else {"entity": entity, "id": session[0] if session else None}),
        project=project,
    )
    import wandb

    try:
        _ = mirror.experiment
    except wandb.Error as error:
        raise InputError(
            f"logger: W&B refuses the run ({str(error).splitlines()[0]}); "
            "logger.mode=offline keeps it on this machine"
        ) from error
    return [*loggers, mirror]


def _set_aside(file: Path) -> None:
    """Keep the curve of an interrupted run: the logger would begin the file anew."""
    if file.is_file():
        file.rename(file.with_name(_ASIDE.format(len(_curves_aside(file.parent)) + 1)))


def _curves_aside(folder: Path) -> list[Path]:
    """Return the curves of interrupted sessions, in their order."""
    found: list[Path] = []
    while (file := folder / _ASIDE.format(len(found) + 1)).is_file():
        found.append(file)
    return found

"""Runs that ended without a result: how W&B is told, and how the run goes on under its id."""

import csv
import sys
from contextlib import suppress
from pathlib import Path

_FILES = "wandb/*run-*/run-*.wandb"
_OFFLINE, _INTERRUPTED = "offline-run-", "interrupted-"
# What an interrupted run logged, by step.
Curve = list[tuple[int, dict[str, float]]]


def abandon() -> None:
    """End a run that failed; the next one of this process would be written into it."""
    wandb = sys.modules.get("wandb")
    if wandb is not None and wandb.run is not None:
        with suppress(Exception):  # what ended the run is told, not what came of it at W&B
            wandb.finish(exit_code=1)


def find_session(folder: Path) -> tuple[str, bool] | None:
    """Return the id of the run in a folder and whether it was offline; None if it is new.

    Args:
        folder: The run folder.
    """
    files = sorted(folder.glob(_FILES), key=lambda file: file.stat().st_mtime)
    if not files:
        return None
    return files[-1].stem.removeprefix("run-"), _OFFLINE in files[-1].parent.name


def set_sessions_aside(folder: Path) -> None:
    """Rename the offline sessions so far: uploaded, they would replace the whole run."""
    for session in folder.glob(f"wandb/{_OFFLINE}*"):
        session.rename(session.with_name(_INTERRUPTED + session.name))


def read_curve(files: list[Path]) -> Curve:
    """Return what the interrupted sessions of a run logged, each up to where the next went on.

    Args:
        files: Curves as Lightning's CSVLogger writes them, in the order of the sessions.
    """
    curve: Curve = []
    for file in files:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = [
                (int(row.pop("step")), {k: float(v) for k, v in row.items() if v})
                for row in csv.DictReader(lines)
            ]
        first = min((step for step, _ in rows), default=0)
        curve = [(step, values) for step, values in curve if step < first] + rows
    return curve

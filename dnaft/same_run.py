"""Whether a run folder holds the run that a configuration describes."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dnaft.run_folder import RESULT

NOTE = Path(".hydra", "resolved.json")
# Where a run lies and how it is shown or supplied; nothing of this moves a number.
_IRRELEVANT = (
    "output_dir", "cache_dir", "resume", "progress", "logger", "num_workers", "session",
    "dry_run", "protocol",
)  # fmt: skip
_IRRELEVANT_DATA = ("cache_dir", "num_workers")


def note_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the resolved configuration into a run folder, before the run begins.

    Hydra's own note keeps interpolations, which may mean something else later, such as
    environment variables.

    Args:
        folder: The run folder.
        config: The resolved configuration, plain values.
    """
    file = folder / NOTE
    file.parent.mkdir(exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    part.write_text(json.dumps(config, indent=2), encoding="utf-8")
    os.replace(part, file)


def is_same_run(folder: Path, config: Mapping[str, Any]) -> bool | None:
    """Compare what a run folder says of its configuration with a configuration.

    Keys that move no number are left out: where the run lies, its cache, `resume`, `progress`,
    `logger`, `num_workers`, the `protocol` of a preset, whose numbers stand in other keys, too, and
    the `session` of a pretraining.

    Args:
        folder: A run folder, of a finished run or of an unfinished one.
        config: The resolved configuration, plain values.

    Returns:
        None if the folder does not say, or not yet.
    """
    for file, key in ((folder / NOTE, None), (folder / RESULT, "config")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            noted = content if key is None else content[key]
            return what_counts(noted) == what_counts(json.loads(json.dumps(config)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None


def what_counts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a resolved configuration that moves a number."""
    kept = {key: value for key, value in config.items() if key not in _IRRELEVANT}
    data = kept.get("data")
    if isinstance(data, Mapping):
        kept["data"] = {key: v for key, v in data.items() if key not in _IRRELEVANT_DATA}
    return kept

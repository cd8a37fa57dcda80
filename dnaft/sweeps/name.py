"""What a sweep is called: the same for all its runs, on all machines, and when it goes on."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dnaft.run_folder import WHERE_AND_HOW

_UNREADABLE = ("data_dir=",)
_FIRST = ("sweep", "experiment", "task", "model", "method")
_LONGEST = 80


def sweep_name(config: DictConfig) -> str:
    """Return what was typed, in letters that are safe in a file name, and a checksum.

    The checksum is of all that was typed and computes something, of what the sweep's file searches,
    and of the folder of the runs.

    Args:
        config: What Hydra composed for the sweep, its own part included.
    """
    typed: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    relevant = _relevant(typed)
    searched: Any = OmegaConf.to_container(config.hydra.sweeper, resolve=False)
    params = {key: str(value) for key, value in (searched.get("params") or {}).items()}
    folder = str(Path(str(config.output_dir)).expanduser().absolute())
    kind = str(searched.get("_target_"))
    content = json.dumps([relevant, params, folder, kind], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return f"{readable_name(typed)}-{digest}"


def readable_name(typed: Iterable[str]) -> str:
    """Return the part of the name that people read.

    Args:
        typed: Overrides of the command line.
    """
    shown = [o.lstrip("+") for o in _relevant(typed) if not o.startswith(_UNREADABLE)]
    safe = ",".join(re.sub(r"[^A-Za-z0-9_.=+~-]+", "_", o) for o in shown)
    return safe[:_LONGEST] or "sweep"


def _relevant(typed: Iterable[str]) -> list[str]:
    relevant = (o for o in typed if not o.lstrip("+~").startswith(WHERE_AND_HOW))
    return sorted(relevant, key=_place)


def _place(override: str) -> tuple[int, str]:
    """Order what chooses a file before what changes a value: it says more."""
    group = override.partition("=")[0]
    return _FIRST.index(group) if group in _FIRST else len(_FIRST), override

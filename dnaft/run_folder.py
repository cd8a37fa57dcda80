"""Where a run keeps its files: a folder by task, model, method and seed, never a finished one."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

RESULT = "result.json"
CHECKPOINTS = "checkpoints"
LAST_CHECKPOINT = "last.ckpt"

# Overrides that name the folder already, or change where and how but not what is computed.
_UNNAMED = (
    "task=", "model=", "method=", "seed=", "data_dir=", "cache_dir=", "output_dir=", "resume=",
    "progress=", "logger", "hydra", "data.num_workers=", "trainer.accelerator=", "trainer.devices=",
)  # fmt: skip
_LONGEST = 100


def run_name(seed: int, overrides: Sequence[str]) -> str:
    """Return the folder's name: the seed, then what the command line changed.

    Args:
        seed: Seed of the run.
        overrides: Overrides as typed, such as `method.rank=4`.

    Example:
        >>> run_name(1, ["task=h3", "method=lora", "seed=1", "method.rank=4"])
        'seed1,method.rank=4'
    """
    changed = sorted(o.lstrip("+") for o in overrides if not o.lstrip("+~").startswith(_UNNAMED))
    name = ",".join([f"seed{seed}", *(re.sub(r"[^\w.=+~-]+", "_", o) for o in changed)])
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: _LONGEST - 11]}-{digest}"


def choose_folder(base: Path, resume: bool) -> Path:
    """Return the folder to write to: `base`, or `base-2`, `base-3`, ... where others are taken.

    A folder with a result, or with the checkpoint of an unfinished run, is taken: nothing that
    cost time is overwritten. With `resume`, the newest unfinished run is continued instead.

    Args:
        base: Folder of the first run of this kind.
        resume: Continue an unfinished run if there is one.
    """
    number = 1
    folder = base
    unfinished = None
    while is_finished(folder) or has_checkpoint(folder):
        if not is_finished(folder):
            unfinished = folder
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return unfinished if resume and unfinished is not None else folder


def is_finished(folder: Path) -> bool:
    """Whether the folder holds the result of a run."""
    return (folder / RESULT).is_file()


def has_checkpoint(folder: Path) -> bool:
    """Whether the folder holds a checkpoint to continue from."""
    return last_checkpoint(folder) is not None


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint of an unfinished run."""
    file = folder / CHECKPOINTS / LAST_CHECKPOINT
    return file if file.is_file() else None

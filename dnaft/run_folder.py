"""Where a run keeps its files: a folder by task, model, method and seed, that is its own."""

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from dnaft.errors import InputError

RESULT = "result.json"
CARD = "model/card.json"  # of a pretraining
CHECKPOINTS = "checkpoints"
LAST_CHECKPOINT = "last.ckpt"
LOCK = ".lock"

# Beginnings of overrides that change where and how, but not what is computed.
WHERE_AND_HOW = (
    "cache_dir=", "output_dir=", "resume=", "progress=", "logger", "hydra", "data.num_workers=",
    "num_workers=", "trainer.accelerator=", "trainer.devices=", "trainer.strategy=", "session.",
    "dry_run=",
)  # fmt: skip
# Those, and overrides that name the folder already.
_UNNAMED = (
    *WHERE_AND_HOW, "task=", "model=", "method=", "seed=", "data_dir=", "genome=", "sweep=",
)  # fmt: skip
_LONGEST = 100


def run_name(seed: int, overrides: Sequence[str]) -> str:
    """Return the folder's name: the seed, then what the command line changed.

    Letters that are not safe in a file name become `_`; a long name ends in a checksum.

    Args:
        seed: Seed of the run.
        overrides: Overrides as typed, such as `method.rank=4`.

    Example:
        >>> run_name(1, ["task=h3", "method=lora", "seed=1", "method.rank=4"])
        'seed1,method.rank=4'
    """
    changed = sorted(o.lstrip("+") for o in overrides if not o.lstrip("+~").startswith(_UNNAMED))
    safe = [re.sub(r"[^A-Za-z0-9_.=+~-]+", "_", o) for o in changed]
    name = ",".join([f"seed{seed}", *safe])
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(",".join(changed).encode()).hexdigest()[:10]
    return f"{name[: _LONGEST - 11]}-{digest}"


class RunFolders:
    """The folders that this process writes to; no other process gets them meanwhile.

    A new run always makes a new folder, `base`, or `base-2`, `base-3`, ... where others exist:
    nothing is overwritten and no file of another run is mixed in. Making a folder is atomic, so
    two processes never make the same one. A lock in the folder, which the operating system drops
    with the process, says that the run is alive; a dead one can be resumed.
    """

    def __init__(self) -> None:
        self._claims: dict[Path, tuple[Path, FileLock]] = {}

    def claim(self, base: Path, resume: bool) -> Path:
        """Return the folder to write to; until `release`, the same one for the same `base`.

        Args:
            base: Folder of the first run of this kind.
            resume: Continue the newest run that has a checkpoint, no result, and no process
                working on it, if there is one.

        Raises:
            InputError: If the folder cannot be made.
        """
        if base not in self._claims:
            try:
                continued = self._continue(base) if resume else None
                self._claims[base] = continued or self._make(base)
            except OSError as error:
                raise cannot_write(base, error) from error
        return self._claims[base][0]

    def release(self) -> None:
        """Let go of all folders; remove those in which nothing was computed."""
        for folder, lock in self._claims.values():
            let_go(folder, lock)
        self._claims.clear()

    def _continue(self, base: Path) -> tuple[Path, FileLock] | None:
        for folder in reversed(numbered(base)):
            if not _is_unfinished(folder):
                continue
            lock = try_lock(folder)
            if lock is None:
                continue
            if _is_unfinished(folder):
                return folder, lock
            lock.release()
        return None

    def _make(self, base: Path) -> tuple[Path, FileLock]:
        while True:
            made = make_next(base)
            if made is not None:
                return made


def is_finished(folder: Path) -> bool:
    """Whether the folder holds the result of a run, or of a pretraining."""
    return (folder / RESULT).is_file() or (folder / CARD).is_file()


def has_checkpoint(folder: Path) -> bool:
    """Whether the folder holds a checkpoint to continue from."""
    return last_checkpoint(folder) is not None


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint of an unfinished run."""
    file = folder / CHECKPOINTS / LAST_CHECKPOINT
    return file if file.is_file() else None


def _is_unfinished(folder: Path) -> bool:
    return has_checkpoint(folder) and not is_finished(folder)


def make_next(base: Path) -> tuple[Path, FileLock] | None:
    """Make and lock the folder after those of this name that exist; None if another was quicker."""
    taken = numbered(base)
    number = _number(taken[-1], base) + 1 if taken else 1
    folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
    base.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return None
    lock = try_lock(folder)
    return None if lock is None else (folder, lock)


def try_lock(folder: Path) -> FileLock | None:
    """Lock the folder for this process, or return None if another has it."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


def let_go(folder: Path, lock: FileLock) -> None:
    """Give up a folder that is locked; remove it if nothing was computed in it."""
    # Removed while it is ours: the next owner of the name may write to it at once.
    if not is_finished(folder) and not has_checkpoint(folder):
        shutil.rmtree(folder, ignore_errors=True)
    lock.release()
    if is_finished(folder):
        (folder / LOCK).unlink(missing_ok=True)


def cannot_write(base: Path, error: OSError) -> InputError:
    """Return what a user is told if the folder of a run cannot be made."""
    return InputError(
        f"output_dir: cannot write to {base.parent} ({error.strerror}); "
        "choose another folder with output_dir=FOLDER"
    )


def numbered(base: Path) -> list[Path]:
    """Return the folders of this name that exist, in the order of their numbers."""
    if not base.parent.is_dir():
        return []
    names = re.compile(re.escape(base.name) + r"(-[1-9]\d*)?")
    found = [path for path in base.parent.iterdir() if names.fullmatch(path.name)]
    return sorted(found, key=lambda path: _number(path, base))


def _number(folder: Path, base: Path) -> int:
    return int(folder.name.removeprefix(f"{base.name}-")) if folder.name != base.name else 1

"""Which folder a run of a sweep gets, so that it is done once."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from dnaft.run_folder import (
    LOCK,
    cannot_write,
    has_checkpoint,
    is_finished,
    let_go,
    make_next,
    numbered,
    try_lock,
)

# Whether the run in a folder is the one that is asked for; None if the folder does not say.
IsSame = Callable[[Path], bool | None]


def find_finished(base: Path, is_same: IsSame) -> Path | None:
    """Return the folder with the result of a run, or None.

    Args:
        base: Folder of the first run of this name; others have a number behind.
        is_same: Tells the run from others of this name.
    """
    found = (folder for folder in numbered(base) if is_finished(folder) and is_same(folder))
    return next(found, None)


@contextmanager
def claimed(base: Path, is_same: IsSame) -> Iterator[Path | None]:
    """Hold the folder in which a run is to be done; None if it is done, or being done elsewhere.

    An unfinished run is continued in its folder; one that was killed before its first checkpoint
    begins anew in its folder; else there is a new folder. A lock that the operating system drops
    with the process says that a run is alive, so of several processes one gets the run.

    Args:
        base: Folder of the first run of this name.
        is_same: Tells the run from others of this name.

    Raises:
        InputError: If the folder cannot be made.
    """
    try:
        while (found := _try(base, is_same)) is None:
            pass  # another process was quicker: look again
    except OSError as error:
        raise cannot_write(base, error) from error
    folder, lock = found
    if lock is None:
        yield None
        return
    try:
        yield folder
    finally:
        let_go(folder, lock)


def _try(base: Path, is_same: IsSame) -> tuple[Path, FileLock | None] | None:
    for folder in numbered(base):
        if is_finished(folder):
            if is_same(folder):
                return folder, None
            continue
        if not _is_ours(folder):
            continue
        lock = try_lock(folder)
        if lock is None:
            if is_same(folder) is False:
                continue
            return folder, None  # it is being done, or set up
        if is_finished(folder):
            lock.release()
            return None
        same = is_same(folder)
        if has_checkpoint(folder) and same:
            return folder, lock
        if not has_checkpoint(folder) and same is not False:
            _clear(folder)
            return folder, lock
        lock.release()
    return make_next(base)


def is_held(base: Path, is_same: IsSame) -> bool:
    """Whether another process works on the run."""
    for folder in numbered(base):
        if is_finished(folder) or not _is_ours(folder) or is_same(folder) is False:
            continue
        lock = try_lock(folder)
        if lock is None:
            return True
        lock.release()
    return False


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a run's: locked once, or just made. Nothing else is to be touched."""
    try:
        return (folder / LOCK).exists() or not any(folder.iterdir())
    except FileNotFoundError:
        return False


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()

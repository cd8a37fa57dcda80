"""Data sets that appear in a folder complete or not at all."""

import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dnaft.errors import InputError

_STAGE = ".dnaft-get"


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """Give an empty folder inside `out`, on the same disk; it is gone afterwards.

    Raises:
        InputError: If another process is at it, or nothing can be written.
    """
    stage, lock = out / _STAGE, FileLock(out / f"{_STAGE}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"out: another process is fetching data into {out}; wait for it to end"
        ) from error
    except OSError as error:
        raise _cannot_write(out, error) from error
    try:
        shutil.rmtree(stage, ignore_errors=True)  # of a run that was killed
        stage.mkdir()
        yield stage
    except OSError as error:
        raise _cannot_write(out, error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def publish(staged: Path, target: Path) -> bool:
    """Move a complete data set to its place; nothing that is there is overwritten.

    A folder that does not exist yet appears at once, with all its files. Where it exists, files
    that it lacks are added, each at once.

    Args:
        staged: Folder with the files of the data set, on the disk of the target.
        target: Where it belongs.

    Returns:
        Whether anything was written; False if all of it was there, byte for byte.

    Raises:
        InputError: If the target has other content under one of the names.
    """
    names = sorted(path.name for path in staged.iterdir())
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(staged, target)
        return True
    lacking = [name for name in names if not (target / name).exists()]
    for name in names:
        if name not in lacking and not filecmp.cmp(staged / name, target / name, shallow=False):
            raise InputError(
                f"out: {target / name} has other content than what was fetched, and nothing is "
                "overwritten; move it away, or choose another folder with out=FOLDER"
            )
    for name in lacking:
        os.replace(staged / name, target / name)
    return bool(lacking)


def _cannot_write(out: Path, error: OSError) -> InputError:
    return InputError(
        f"out: cannot write to {out} ({error.strerror or error}); choose another with out=FOLDER"
    )

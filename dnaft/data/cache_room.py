"""Room on disk for entries of a cache that may grow large."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

# Another computer may still have an entry mapped that was looked at this recently.
_IN_USE_SECONDS = 24 * 3600


GIB = 2**30


def states_folder(cache_dir: str) -> Path:
    """Return the folder of such entries."""
    return Path(cache_dir).expanduser() / "frozen"


def touch_entry(entry: Path) -> None:
    """Note that an entry is in use, if it is there; somebody else's may be read-only."""
    with suppress(OSError):
        os.utime(entry)


def make_room(base: Path, needed: int, limit_gib: float) -> bool:
    """Whether new entries fit; entries that nobody used for a day are removed for it, oldest first.

    Args:
        base: Folder of the entries; it need not exist.
        needed: Bytes of the new entries.
        limit_gib: The most that all entries may take, in GiB.

    Returns:
        False if they exceed the limit or the free space of the disk, and then nothing is removed
        that need not be.
    """
    limit = limit_gib * GIB
    entries = [
        (path.stat().st_mtime, path, _size(path)) for path in base.glob("*") if path.is_dir()
    ]
    taken = sum(size for _, _, size in entries)
    before = time.time() - _IN_USE_SECONDS
    old = sorted(entry for entry in entries if entry[0] < before)
    if taken - sum(size for _, _, size in old) + needed > limit:
        return False
    for _, path, size in old:
        if taken + needed <= limit:
            break
        # Renamed first: nobody finds an entry that is removed half.
        doomed = path.rename(path.with_name(f"{path.name}.tmp-old"))
        shutil.rmtree(doomed, ignore_errors=True)
        taken -= size
    there = next(folder for folder in [base, *base.parents] if folder.exists())
    return needed <= shutil.disk_usage(there).free


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())

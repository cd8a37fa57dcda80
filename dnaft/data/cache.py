"""Arrays on disk, found by content, made once and read by every process.

An entry is a folder named by the sha256 of all that its content depends on. It is written beside
its place and renamed, under a lock, so a reader sees a whole entry or none.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from dnaft.errors import InputError

Arrays = dict[str, NDArray[Any]]

FORMAT_VERSION = 3  # raise it when the files of an entry change
_MANIFEST = "manifest.json"


def content_key(sequences: Sequence[str], *parts: str | int | None) -> str:
    """Return the sha256, in hex, of sequences and of everything else that matters."""
    digest = hashlib.sha256(json.dumps([FORMAT_VERSION, len(sequences), *parts]).encode())
    digest.update(b"\0")
    digest.update("\n".join(sequences).encode())
    return digest.hexdigest()


def cached_arrays(cache_dir: str | Path, key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of an entry, memory-mapped and read-only; make them if need be.

    Args:
        cache_dir: Folder of all entries, made if absent.
        key: Name of the entry, see `content_key`.
        make: Computes the arrays; none of them empty.

    Raises:
        InputError: If the folder cannot be written.
    """

    def fill(folder: Path) -> None:
        for name, array in make().items():
            np.save(folder / f"{name}.npy", array)

    files = cached_files(cache_dir, key, fill)
    return {path.stem: np.load(path, mmap_mode="r") for path in files}


def cached_files(cache_dir: str | Path, key: str, fill: Callable[[Path], None]) -> list[Path]:
    """Return the files of an entry; make them if need be.

    A damaged or half-written entry is made anew. Of several processes that want the same entry
    one makes it and the others wait.

    Args:
        cache_dir: Folder of all entries, made if absent.
        key: Name of the entry.
        fill: Writes the files into the empty folder that it is given.

    Raises:
        InputError: If the folder cannot be written.
    """
    base = Path(cache_dir).expanduser()
    entry = base / key
    files = _read(entry)
    if files is not None:
        return files
    try:
        base.mkdir(parents=True, exist_ok=True)
        with FileLock(base / f"{key}.lock"):
            files = _read(entry)  # another process may have made it while we waited
            if files is None:
                _clear(base, key)
                _write(base, key, fill)
                files = _read(entry)
    except OSError as error:
        raise InputError(
            f"cache_dir: cannot write {base} ({error.strerror or error}); free some space, or set "
            "cache_dir=FOLDER or DNAFT_CACHE_DIR"
        ) from error
    if files is None:
        raise InputError(
            f"cache_dir: what was written to {entry} reads back differently; the disk may be full "
            "or broken. Set cache_dir=FOLDER or DNAFT_CACHE_DIR"
        )
    return files


def _write(base: Path, key: str, fill: Callable[[Path], None]) -> None:
    """Write an entry beside its place, then rename it; the caller holds the lock."""
    folder = Path(tempfile.mkdtemp(prefix=f"{key}.tmp-", dir=base))
    try:
        fill(folder)
        written = sorted(folder.iterdir())
        for path in written:
            with path.open("r+b") as file:
                os.fsync(file.fileno())
        files = {path.name: _signature(path) for path in written}
        (folder / _MANIFEST).write_text(json.dumps(files, indent=1))
        folder.chmod(0o755)  # mkdtemp gives 0o700; a cache may be shared
        folder.rename(base / key)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _read(entry: Path) -> list[Path] | None:
    """Return the files of an entry, or None if it is absent or damaged."""
    try:
        files = json.loads((entry / _MANIFEST).read_text())
        if any(_signature(entry / name) != signature for name, signature in files.items()):
            return None
        return [entry / name for name in files]
    except (OSError, ValueError, AttributeError):
        return None


def _signature(path: Path) -> dict[str, int | str]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": sha256}


def _clear(base: Path, key: str) -> None:
    """Remove a damaged entry and what killed writers left; the caller holds the lock."""
    for path in base.glob(f"{key}.tmp-*"):
        shutil.rmtree(path, ignore_errors=True)
    if (base / key).exists():
        # Renamed first: a process killed in the middle leaves no half-removed entry.
        doomed = (base / key).rename(base / f"{key}.tmp-damaged")
        shutil.rmtree(doomed, ignore_errors=True)

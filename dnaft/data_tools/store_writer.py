"""Write a store, block by block, so that it can be killed at any time and started again.

Beside the folder `out` that is to be, `out.part` holds the files as far as they are written and
`progress.json`: how many rows of each split are safe on disk, how long its files then are, and the
checksums of that part. A new start cuts off what is behind, checks what is in front and goes on.
The finished store takes its name in one step, so a folder `out` is a whole store.
"""

import json
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from dnaft.data.store import FILES, FORMAT, MANIFEST, StoredSplit, file_facts
from dnaft.data_tools.store_facts import survey_split
from dnaft.errors import InputError
from dnaft.sequence import pack_2bit

_PIECE = 1 << 22  # bytes read at a time
_ROWS_AT_ONCE = 2048  # packed at a time


@dataclass
class _Part:
    """How far one split is.

    Attributes:
        stamp: What the source looked like, as far as a change of it shows.
        rows: Rows that are safe on disk.
        unknown_rows: Those of them with unknown bases.
        files: Length and crc32 of each file.
    """

    stamp: list[Any]
    rows: int = 0
    unknown_rows: int = 0
    files: dict[str, tuple[int, int]] = field(default_factory=lambda: dict.fromkeys(FILES, (0, 0)))


class StoreWriter:
    """A store in the making; use `writing`.

    Args:
        out: The folder that is to be.
        shape: Bases and labels of a row.
    """

    def __init__(self, out: Path, shape: tuple[int, int]) -> None:
        self._work = work_folder(out)
        self._out = out
        self._shape = shape
        self._files = self._work / "store"
        self._progress = self._work / "progress.json"
        self._parts: dict[str, _Part] = {}

    def begin(self) -> None:
        """Make the folder, or read how far an earlier start came."""
        self._files.mkdir(parents=True, exist_ok=True)
        try:
            kept = json.loads(self._progress.read_text(encoding="utf-8"))
            if kept.pop("shape") == list(self._shape):
                self._parts = {name: _Part(**part) for name, part in kept.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._parts = {}  # nothing is there, or what is there tells nothing

    def resume(self, split: str, stamp: list[Any]) -> int:
        """Return how many rows of a split are there already; what is behind them is cut off.

        Args:
            split: Its name.
            stamp: What its source looks like now.
        """
        part = self._parts.get(split)
        if part is None or part.stamp != stamp or not self._is_sound(split, part):
            self._parts[split] = part = _Part(stamp)
            for file in FILES:
                self._path(split, file).write_bytes(b"")
        return part.rows

    def append(self, split: str, letters: NDArray[np.uint8], flags: NDArray[np.uint8]) -> None:
        """Add rows; when this returns they are safe on disk.

        Args:
            split: Its name; `resume` was called.
            letters: ASCII codes of A, C, G, T, N, (rows, length_bp).
            flags: 0 or 1, (rows, labels).
        """
        part = self._parts[split]
        unknown = letters == ord("N")
        marked = np.flatnonzero(unknown.any(axis=1))
        known = np.where(unknown, np.uint8(ord("A")), letters)
        packed = [pack_2bit(known[i : i + _ROWS_AT_ONCE]) for i in _steps(len(known))]
        self._write(split, "bases", b"".join(block.tobytes() for block in packed))
        self._write(split, "labels", np.packbits(flags, axis=1).tobytes())
        self._write(split, "unknown_rows", (marked + part.rows).astype("<i8").tobytes())
        self._write(split, "unknown_masks", np.packbits(unknown[marked], axis=1).tobytes())
        part.rows += len(letters)
        part.unknown_rows += len(marked)
        self._note()

    def finish(self, collection: str, label_names: list[str], sources: dict[str, Any]) -> None:
        """Write the manifest and give the store its name.

        Args:
            collection: What it was made from.
            label_names: Names of the labels, or none.
            sources: What the manifest says of each split's source.
        """
        length_bp, labels = self._shape
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "collection": collection,
            "length_bp": length_bp,
            "labels": labels,
            "label_names": label_names,
            "splits": {},
        }
        for name, source in sources.items():
            part = self._parts[name]
            files = {f"{name}.{file}": file_facts(self._path(name, file)) for file in FILES}
            facts = {"rows": part.rows, "unknown_rows": part.unknown_rows, "files": files}
            split = StoredSplit(self._files, name, part.rows, length_bp, labels, facts)
            manifest["splits"][name] = {**facts, **survey_split(split), "source": source}
        _write_safely(self._files / MANIFEST, json.dumps(manifest, indent=1) + "\n")
        self._files.rename(self._out)
        self.clean()

    def clean(self) -> None:
        """Remove what served to go on; the store has its name."""
        shutil.rmtree(self._work, ignore_errors=True)

    def _path(self, split: str, file: str) -> Path:
        return self._files / f"{split}.{file}"

    def _is_sound(self, split: str, part: _Part) -> bool:
        """Cut the files of a split to what is noted; say whether they then are what is noted."""
        for file, (size, crc) in part.files.items():
            path = self._path(split, file)
            if not path.is_file() or path.stat().st_size < size:
                return False
            os.truncate(path, size)
            if _crc32(path) != crc:
                return False
        return True

    def _write(self, split: str, file: str, content: bytes) -> None:
        if not content:
            return
        size, crc = self._parts[split].files[file]
        with self._path(split, file).open("ab") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        self._parts[split].files[file] = size + len(content), zlib.crc32(content, crc)

    def _note(self) -> None:
        parts = {name: asdict(part) for name, part in self._parts.items()}
        _write_safely(self._progress, json.dumps({"shape": self._shape, **parts}))


@contextmanager
def writing(out: Path, shape: tuple[int, int]) -> Iterator[StoreWriter]:
    """Hold the only writer of a store.

    Args:
        out: The folder that is to be.
        shape: Bases and labels of a row.

    Raises:
        InputError: If another process writes it, or it cannot be written.
    """
    work = work_folder(out)
    try:
        work.mkdir(parents=True, exist_ok=True)
        with FileLock(work / ".lock", timeout=0):
            writer = StoreWriter(out, shape)
            writer.begin()
            yield writer
    except Timeout as error:
        raise InputError(f"out: another process writes {out}; wait for it") from error
    except OSError as error:
        raise InputError(
            f"out: cannot write {error.filename or work} ({error.strerror or error}); free some "
            "space or give another with out=FOLDER. The same command then goes on"
        ) from error


def work_folder(out: Path) -> Path:
    """Return where a store is while it is made."""
    return out.with_name(f"{out.name}.part")


def _steps(rows: int) -> range:
    return range(0, max(rows, 1), _ROWS_AT_ONCE)


def _crc32(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            crc = zlib.crc32(piece, crc)
    return crc


def _write_safely(path: Path, text: str) -> None:
    """Replace a file as a whole, the new one safe on disk before."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)

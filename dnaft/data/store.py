"""A store: rows too many for memory, two bits a base and one bit a label, in plain binary files.

A folder with `manifest.json` and, for each split, rows one after the other in

- `<split>.bases`: ceil(length_bp / 4) bytes a row, four bases a byte as in `pack_2bit`; an unknown
  base counts as A;
- `<split>.labels`: ceil(labels / 8) bytes a row, eight labels a byte, the first one highest;
- `<split>.unknown_rows`: the numbers of the rows that hold unknown bases, rising, int64,
  little-endian;
- `<split>.unknown_masks`: for each of these ceil(length_bp / 8) bytes, bit 1 at an unknown base,
  the first base highest.

The files are memory-mapped for the time of one read, a batch: what a process holds of them does not
grow with their size, while the operating system may keep as much of them at hand as it likes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnaft.errors import InputError
from dnaft.sequence import unpack_2bit

FORMAT = "dnaft-store-1"
MANIFEST = "manifest.json"
FILES = ("bases", "labels", "unknown_rows", "unknown_masks")  # of each split, behind its name
_ROW_NUMBER = np.dtype("<i8")
_UNKNOWN = ord("N")


def widths(length_bp: int, labels: int) -> dict[str, int]:
    """Return the bytes of one entry of each file."""
    return {
        "bases": -(-length_bp // 4),
        "labels": -(-labels // 8),
        "unknown_rows": _ROW_NUMBER.itemsize,
        "unknown_masks": -(-length_bp // 8),
    }


@dataclass(frozen=True)
class StoredSplit:
    """One split of a store; holds no data, so it costs nothing to copy or to send to a process.

    Attributes:
        folder: The store.
        name: train, dev or test.
        rows: Rows.
        length_bp: Bases of each row.
        labels: Labels of each row.
        facts: What the manifest says of the split.
    """

    folder: Path
    name: str
    rows: int
    length_bp: int
    labels: int
    facts: Mapping[str, Any]

    @property
    def where(self) -> str:
        """How messages call it."""
        return f"{self.folder} ({self.name})"

    @property
    def unknown_rows(self) -> int:
        """Rows that hold unknown bases."""
        return int(self.facts["unknown_rows"])

    @property
    def sha256(self) -> str:
        """A checksum over those of its files."""
        listed = json.dumps(self.facts["files"], sort_keys=True)
        return hashlib.sha256(listed.encode()).hexdigest()

    def read_bases(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return rows as ASCII codes of A, C, G, T and N, (rows, length_bp)."""
        codes = unpack_2bit(self._read("bases", self.rows, rows), self.length_bp)
        if self.unknown_rows:
            self._mark_unknown(codes, rows)
        return codes

    def read_labels(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return 0 or 1 for each label of rows, (rows, labels)."""
        packed = self._read("labels", self.rows, rows)
        return np.unpackbits(packed, axis=1, count=self.labels)

    def _mark_unknown(self, codes: NDArray[np.uint8], rows: NDArray[np.int64]) -> None:
        known = self._map("unknown_rows", self.unknown_rows).view(_ROW_NUMBER)[:, 0]
        entry = np.searchsorted(known, rows)
        entry[entry == len(known)] = 0
        marked = np.flatnonzero(known[entry] == rows)
        if len(marked):
            packed = self._read("unknown_masks", len(known), entry[marked])
            mask = np.unpackbits(packed, axis=1, count=self.length_bp).astype(bool)
            codes[marked] = np.where(mask, np.uint8(_UNKNOWN), codes[marked])

    def _read(self, file: str, entries: int, wanted: NDArray[np.int64]) -> NDArray[np.uint8]:
        chosen: NDArray[np.uint8] = self._map(file, entries)[wanted]  # a copy, not a view
        return chosen

    def _map(self, file: str, entries: int) -> NDArray[np.uint8]:
        """Map a file, (entries, bytes of one); it is unmapped as soon as nobody refers to it."""
        width = widths(self.length_bp, self.labels)[file]
        path = self.folder / f"{self.name}.{file}"
        return np.memmap(path, np.uint8, "r", shape=(entries, width))


@dataclass(frozen=True)
class Store:
    """A whole store.

    Attributes:
        folder: Where it lies.
        collection: What it was made from, such as deepsea.
        label_names: Names of the labels, none if they are not known.
        splits: train, dev and test.
    """

    folder: Path
    collection: str
    label_names: tuple[str, ...]
    splits: dict[str, StoredSplit]


def open_store(folder: Path) -> Store:
    """Read the manifest of a store and look whether its files are as long as it says.

    Raises:
        InputError: If there is no store, or it is damaged or of another format.
    """
    path = folder / MANIFEST
    remedy = "delete the folder and prepare it again with python -m dnaft.data prepare"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise InputError(
                f"{path}: format {manifest['format']!r} instead of {FORMAT!r}; {remedy}"
            )
        shape = int(manifest["length_bp"]), int(manifest["labels"])
        splits = {
            name: StoredSplit(folder, name, int(facts["rows"]), *shape, facts)
            for name, facts in manifest["splits"].items()
        }
        sizes = {n: f["bytes"] for s in splits.values() for n, f in s.facts["files"].items()}
        store = Store(folder, manifest["collection"], tuple(manifest["label_names"]), splits)
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no store, as it has no {MANIFEST}; {remedy}") from error
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged ({error!r}); {remedy}") from error
    for name, size in sizes.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != size:
            raise InputError(f"{file}: missing or not {size:,} bytes long; {remedy}")
    return store


def file_facts(path: Path) -> dict[str, int | str]:
    """Return the length and the sha256 of a file, as manifests have them."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": sha256}

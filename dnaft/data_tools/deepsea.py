"""DeepSEA's published files (Zhou & Troyanskaya, Nature Methods 2015) as a store.

`train.mat`, `valid.mat` and `test.mat` hold windows of 1,000 bases as one-hot columns in the order
A, G, C, T, no 1 at all for an unknown base, and 919 flags a window: 125 of DNase I, 690 of
transcription factors, 104 of histone marks, in this order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnaft.data.store import MANIFEST, file_facts, open_store
from dnaft.data_tools.mat_files import MatVariable, open_variables
from dnaft.data_tools.store_writer import StoreWriter, work_folder, writing
from dnaft.errors import InputError

LENGTH_BP, LABELS = 1000, 919
# Our name of a split, its file, the variables with bases and with labels.
FILES = (
    ("train", "train.mat", "trainxdata", "traindata"),
    ("dev", "valid.mat", "validxdata", "validdata"),
    ("test", "test.mat", "testxdata", "testdata"),
)

_CHANNELS = "AGCT"
_LETTERS = np.frombuffer(f"N{_CHANNELS}".encode(), np.uint8)


@dataclass(frozen=True)
class Settings:
    """What the command line asks for.

    Attributes:
        src: Folder of the published files.
        out: Folder of the store.
        names: File with the name of a label in each line, if there is one.
    """

    src: Path
    out: Path
    names: Path | None = None


def prepare(settings: Settings) -> None:
    """Write the store, or go on where an earlier start ended; look through one that is there.

    Raises:
        InputError: If a file is missing, damaged or not the published one, or `out` is something
            else.
    """
    names = _read_names(settings.names)
    for _, file, *_ in FILES:
        if not (settings.src / file).is_file():
            raise InputError(
                f"src: {settings.src} has no {file}; it must hold "
                f"{', '.join(file for _, file, *_ in FILES)}, as published"
            )
    if settings.out.exists():
        _look_through(settings)
        return
    with writing(settings.out, (LENGTH_BP, LABELS)) as writer:
        for split, file, bases, labels in FILES:
            _convert(writer, split, settings.src / file, bases, labels)
        print("counting, checksums", flush=True)
        sources = {
            split: {"file": file, **file_facts(settings.src / file)} for split, file, *_ in FILES
        }
        writer.finish("deepsea", names, sources)
    print(f"the store is {settings.out}; python -m dnaft.train task=deepsea_histone reads it")


def _look_through(settings: Settings) -> None:
    """Check every byte of a store that is there already."""
    if not (settings.out / MANIFEST).is_file():
        raise InputError(
            f"out: {settings.out} exists and is no store, and nothing is overwritten; give another "
            "with out=FOLDER"
        )
    store = open_store(settings.out)
    for split in store.splits.values():
        source = split.facts["source"]
        if (settings.src / source["file"]).stat().st_size != source["bytes"]:
            raise InputError(
                f"out: {settings.out} was made from another {source['file']} than that in "
                f"{settings.src}; give another with out=FOLDER"
            )
        for name, facts in split.facts["files"].items():
            if file_facts(settings.out / name) != facts:
                raise InputError(
                    f"{settings.out / name}: its checksum is not that of the manifest; delete the "
                    "folder and prepare it again"
                )
    work = work_folder(settings.out)
    if work.is_dir():
        with writing(settings.out, (LENGTH_BP, LABELS)) as writer:
            writer.clean()
    print(f"the store {settings.out} is complete, all checksums are right")


def _convert(
    writer: StoreWriter, split: str, path: Path, bases_name: str, labels_name: str
) -> None:
    """Append all rows of a file that are not there yet."""
    with open_variables(path, [bases_name, labels_name]) as variables:
        bases, labels = variables[bases_name], variables[labels_name]
        rows = _check_shapes(path, bases_name, bases, labels_name, labels)
        stat = path.stat()
        first = writer.resume(split, [rows, stat.st_size, stat.st_mtime_ns])
        _tell(split, first, rows)
        step = bases.rows_at_once
        while first < rows:
            end = min(first + step, rows)
            where = f"{path}, {bases_name}"
            letters = np.concatenate(list(_letters(where, bases.slabs(first, end), first)))
            where = f"{path}, {labels_name}"
            flags = np.concatenate(list(_flags(where, labels.slabs(first, end), first)))
            writer.append(split, letters.T, flags.T)
            if end * 20 // rows > first * 20 // rows:
                _tell(split, end, rows)
            first = end


def _tell(split: str, done: int, rows: int) -> None:
    print(f"{split}: {done:,} of {rows:,} rows", flush=True)


def _check_shapes(
    path: Path, bases_name: str, bases: MatVariable, labels_name: str, labels: MatVariable
) -> int:
    rows = bases.shape[0]
    if rows < 1 or bases.shape != (rows, len(_CHANNELS), LENGTH_BP):
        raise InputError(
            f"{path}: {bases_name} is {_shape(bases.shape)}, in MATLAB's order, and should be rows "
            f"x {len(_CHANNELS)} x {LENGTH_BP}; give the published file"
        )
    if labels.shape != (rows, LABELS):
        raise InputError(
            f"{path}: {labels_name} is {_shape(labels.shape)}, in MATLAB's order, and should be "
            f"{rows} x {LABELS}, a line for each of {bases_name}; give the published file"
        )
    return rows


def _letters(where: str, slabs: Iterator[NDArray[Any]], first: int) -> Iterator[NDArray[np.uint8]]:
    """Turn one-hot slabs (positions, channels, rows) into ASCII codes, (positions, rows).

    Raises:
        InputError: If a position holds something else than one 1, or none.
    """
    position = 0
    for slab in slabs:
        hot = _binary(where, slab, first)
        found = hot[:, 0].copy()
        bases = hot[:, 0].copy()
        for channel in range(1, len(_CHANNELS)):
            found += hot[:, channel] * np.uint8(channel + 1)
            bases += hot[:, channel]
        if bases.max() > 1:
            at, row = (int(i) for i in np.argwhere(bases > 1)[0])
            raise InputError(
                f"{where}, row {first + row + 1}: {int(bases[at, row])} bases at position "
                f"{position + at + 1}; the file is not the published one"
            )
        position += len(hot)
        yield _LETTERS[found]


def _flags(where: str, slabs: Iterator[NDArray[Any]], first: int) -> Iterator[NDArray[np.uint8]]:
    """Check slabs of labels, (labels, rows).

    Raises:
        InputError: If one is neither 0 nor 1.
    """
    for slab in slabs:
        yield _binary(where, slab, first)


def _binary(where: str, slab: NDArray[Any], first: int) -> NDArray[np.uint8]:
    """Return 0 and 1 as bytes, whatever type the file has."""
    if slab.dtype == np.uint8 and slab.max() <= 1:
        found: NDArray[np.uint8] = slab
        return found
    wrong = (slab != 0) & (slab != 1)
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        raise InputError(
            f"{where}, row {first + int(at[-1]) + 1}: {slab[at]} where 0 or 1 should be; the file "
            "is not the published one"
        )
    return slab.astype(np.uint8, copy=False)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _read_names(path: Path | None) -> list[str]:
    """Return the names of the labels, none without a file."""
    if path is None:
        return []
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"names: {path} cannot be read as text ({error})") from error
    while names and not names[-1]:
        names.pop()
    if len(names) != LABELS or not all(names):
        raise InputError(
            f"names: {path} has {sum(map(bool, names))} names in {len(names)} lines; it needs "
            f"{LABELS}, one in each line"
        )
    return names

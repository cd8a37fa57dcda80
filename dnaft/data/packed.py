"""Labelled windows of one genome in a small safetensors file, two bits a base.

Arrays, one row a window: `packed` (rows, ceil(length_bp / 4)) uint8, `labels` uint8, `split`
uint8 (0 train, 1 dev, 2 test), `chromosome` uint8 (from 1), `start` int32 (0-based, on the plus
strand), `strand` int8 (+1, -1; sequences are stored as read on it). Metadata are strings.

`labels` holds classes (rows,), or several yes/no labels a row, eight a byte, the first one highest:
(rows, ceil(labels / 8)). Their names are then in the metadata, `label_names`, a JSON list.
"""

import hashlib
import json
import struct
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from dnaft.errors import InputError
from dnaft.sequence import encode_bases, pack_2bit, unpack_2bit

FORMAT = "dnaft-windows-1"
SPLITS = ("train", "dev", "test")  # position = the number in the array `split`

_RESERVED = ("format", "length_bp", "label_names")  # metadata that this file writes and reads
# Wide types first, so that each array is aligned. Value: NumPy's and safetensors' type name.
_COLUMNS = {
    "start": (np.int32, "I32"),
    "chromosome": (np.uint8, "U8"),
    "labels": (np.uint8, "U8"),
    "packed": (np.uint8, "U8"),
    "split": (np.uint8, "U8"),
    "strand": (np.int8, "I8"),
}


@dataclass(frozen=True, eq=False)
class PackedWindows:
    """Windows of equal length with their labels and their places in a genome.

    `labels` is (rows,), the class of each window; with `label_names` it is (rows, names) of 0 and
    1. The other columns and attributes are described at the top of the file.

    Raises:
        ValueError: If a column has another type or number of rows than the others, or a split,
            strand or label has no meaning.
    """

    packed: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    split: NDArray[np.uint8]
    chromosome: NDArray[np.uint8]
    start: NDArray[np.int32]
    strand: NDArray[np.int8]
    length_bp: int
    metadata: dict[str, str]
    label_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_COLUMNS, (len(self.packed),))
        shapes["packed"] = (len(self.packed), -(-self.length_bp // 4))
        if self.label_names:
            shapes["labels"] = (len(self.packed), len(self.label_names))
        for name, (dtype, _) in _COLUMNS.items():
            column = getattr(self, name)
            if column.dtype != dtype or column.shape != shapes[name]:
                raise ValueError(
                    f"{name} must be {np.dtype(dtype)} of shape {shapes[name]}, "
                    f"got {column.dtype} {column.shape}"
                )
        if self.split.size and int(self.split.max()) >= len(SPLITS):
            raise ValueError(f"split must be 0, 1 or 2, got {int(self.split.max())}")
        if not np.isin(self.strand, (1, -1)).all():
            raise ValueError("strand must be +1 or -1")
        if self.label_names and self.labels.size and int(self.labels.max()) > 1:
            raise ValueError(f"labels with names must be 0 or 1, got {int(self.labels.max())}")

    def __len__(self) -> int:
        return len(self.packed)

    def sequences(self) -> list[str]:
        """Unpack all rows, in the order of the file."""
        text = unpack_2bit(self.packed, self.length_bp).tobytes().decode("ascii")
        n = self.length_bp
        return [text[i * n : (i + 1) * n] for i in range(len(self))]

    def sha256(self) -> str:
        """Return the checksum of the columns; the metadata do not enter."""
        digest = hashlib.sha256()
        for name, column in sorted(_as_stored(self).items()):
            digest.update(f"{name} {column.dtype.str} {column.shape}\n".encode())
            digest.update(column.tobytes())
        return digest.hexdigest()


def pack_windows(sequences: list[str], length_bp: int) -> NDArray[np.uint8]:
    """Pack sequences of one length to the column `packed`.

    Raises:
        ValueError: If a sequence has another length or a letter other than A, C, G, T.
    """
    for row, sequence in enumerate(sequences):
        if len(sequence) != length_bp:
            raise ValueError(f"window {row} has {len(sequence)} bases instead of {length_bp}")
    codes, _ = encode_bases(sequences)
    return pack_2bit(codes.reshape(len(sequences), length_bp))


def write_packed(windows: PackedWindows, path: Path) -> None:
    """Write a safetensors file; equal windows give equal bytes.

    The library orders the metadata of a file as it likes, so the header (its length as 8 bytes,
    then sorted JSON, padded to 8 bytes) is written here.
    """
    columns = _as_stored(windows)
    reserved = {"format": FORMAT, "length_bp": str(windows.length_bp)}
    if windows.label_names:
        reserved["label_names"] = json.dumps(windows.label_names)
    header: dict[str, object] = {"__metadata__": windows.metadata | reserved}
    end = 0
    for name, column in columns.items():
        begin, end = end, end + column.nbytes
        stored = {"dtype": _COLUMNS[name][1], "shape": column.shape, "data_offsets": (begin, end)}
        header[name] = stored
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    body = b"".join(column.tobytes() for column in columns.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def read_packed(path: Path | str) -> PackedWindows:
    """Read a file of `write_packed`.

    Raises:
        InputError: If there is no such file, or it is not one of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the path of a packed-window file.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            columns = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise InputError(
            f"{path}: not a safetensors file ({error}); restore it from the package or rebuild it."
        ) from error
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"{path}: format {metadata.get('format')!r} instead of {FORMAT!r}; "
            "rebuild it with this version of dnaft."
        )
    own = {field.name for field in fields(PackedWindows)} & set(_COLUMNS)
    if set(columns) != own:
        raise InputError(f"{path}: columns {sorted(columns)} instead of {sorted(own)}; rebuild it.")
    try:
        names = tuple(json.loads(metadata.get("label_names", "[]")))
        if names:
            columns["labels"] = _unpack_labels(columns["labels"], len(names))
        return PackedWindows(
            **columns,
            length_bp=int(metadata["length_bp"]),
            metadata={k: metadata[k] for k in sorted(metadata) if k not in _RESERVED},
            label_names=names,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: {error}; the file is damaged, rebuild it.") from error


def _as_stored(windows: PackedWindows) -> dict[str, NDArray[np.generic]]:
    """Return the columns, little-endian, in the order of the file."""
    columns: dict[str, NDArray[np.generic]] = {
        name: np.ascontiguousarray(getattr(windows, name), np.dtype(dtype).newbyteorder("<"))
        for name, (dtype, _) in _COLUMNS.items()
    }
    if windows.label_names:
        columns["labels"] = np.packbits(windows.labels, axis=1)
    return columns


def _unpack_labels(packed: NDArray[np.uint8], names: int) -> NDArray[np.uint8]:
    width = -(-names // 8)
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != width:
        raise ValueError(
            f"labels must be uint8 with {width} bytes a row for {names} names, "
            f"got {packed.dtype} {packed.shape}"
        )
    return np.unpackbits(packed, axis=1, count=names)

"""MATLAB files of version 5 to 7: numeric arrays, compressed or not, without holding them.

The format (MATLAB MAT-File Format, R2024a, "Level 5"): 128 bytes of header, then elements, each a
tag of type and length and its content, padded to 8 bytes. A variable is an element miMATRIX of
elements: flags, dimensions, name, values, column by column. A compressed one is that element in
zlib. scipy.io reads these files whole; DeepSEA's test.mat alone is 2 GB in memory.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dnaft.data_tools.mat_files import columns_at_once, damaged, product

_HEADER = 128
_MATRIX, _COMPRESSED, _INT32, _INT8 = 14, 15, 5, 1  # types of elements
_VALUES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8",
           13: "u8"}  # fmt: skip
_NUMERIC_CLASSES = range(6, 16)  # double, single and the integers
_COMPLEX = 0x0800
_PIECE = 1 << 18
# A compressed file is read from its beginning for each block of rows: larger blocks, fewer times.
_ROWS = 1 << 16


class _Bytes:
    """Bytes of a file from some place on, decompressed if they are compressed.

    Args:
        path: For messages.
        file: The open file.
        start: Where they begin.
        packed: How many compressed bytes there are; None if they are plain.
    """

    def __init__(self, path: Path, file: BinaryIO, start: int, packed: int | None) -> None:
        self._path = path
        self._file = file
        self._left = packed
        self._inflate = zlib.decompressobj()
        self._rest = b""
        self._file.seek(start)

    def take(self, count: int) -> bytes:
        """Return the next bytes.

        Raises:
            InputError: If there are fewer, or they cannot be decompressed.
        """
        if self._left is None:
            found = self._file.read(count)
        else:
            pieces = [self._rest]
            missing = count - len(self._rest)
            while missing > 0 and (piece := self._decompress(missing)):
                pieces.append(piece)
                missing -= len(piece)
            found = b"".join(pieces)
            found, self._rest = found[:count], found[count:]
        if len(found) < count:
            raise damaged(self._path, "it ends too early")
        return found

    def skip(self, count: int) -> None:
        """Leave out the next bytes."""
        if self._left is None:
            self._file.seek(count, 1)
            return
        while count > 0:
            count -= len(self.take(min(count, _PIECE)))

    def end(self) -> None:
        """Read what is left of compressed bytes, so that their checksum is looked at.

        Raises:
            InputError: If it is wrong.
        """
        while self._left is not None and not self._inflate.eof:
            if not self._decompress(_PIECE):
                raise damaged(self._path, "it ends too early")

    def _decompress(self, most: int) -> bytes:
        """Return some bytes, at least one unless there are no more."""
        assert self._left is not None
        while not self._inflate.eof:
            source = self._inflate.unconsumed_tail
            if not source:
                source = self._file.read(min(self._left, _PIECE))
                self._left -= len(source)
            try:
                found = self._inflate.decompress(source, max(most, _PIECE))
            except zlib.error as error:
                raise damaged(self._path, error) from error
            if found or not source:
                return found
        return b""


@dataclass(frozen=True)
class Mat5Variable:
    """A `MatVariable`, see there.

    Attributes:
        path: The file.
        shape: As in MATLAB.
        values: Type of the stored values, byte order included.
        start: Where the element, compressed or not, begins in the file.
        packed: Compressed bytes; None if there is no compression.
        before: Bytes of the element in front of the values.
    """

    path: Path
    shape: tuple[int, ...]
    values: np.dtype[Any]
    start: int
    packed: int | None
    before: int

    @property
    def rows_at_once(self) -> int:
        """How many rows should be read in one go."""
        return _ROWS

    def slabs(self, first: int, end: int) -> Iterator[NDArray[Any]]:
        """Yield some rows; see `MatVariable`."""
        rows, *others, columns = self.shape
        size, wanted = self.values.itemsize, end - first
        together = product(others)  # columns of the file that make one of a slab
        step = columns_at_once(wanted, together * size)
        with self.path.open("rb") as file:
            content = _Bytes(self.path, file, self.start, self.packed)
            content.skip(self.before)
            for column in range(0, columns, step):
                count = min(step, columns - column)
                slab = np.empty((count, *reversed(others), wanted), self.values)
                for line in slab.reshape(-1, wanted):
                    content.skip(first * size)
                    line[:] = np.frombuffer(content.take(wanted * size), self.values)
                    content.skip((rows - end) * size)
                yield slab
            content.end()


def find_variables(path: Path) -> dict[str, Mat5Variable]:
    """Return the numeric arrays of a file by their names.

    Raises:
        InputError: If the file is damaged.
    """
    found = {}
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER)
        order = "<" if head[126:128] == b"IM" else ">"
        start = _HEADER
        while start < size:
            file.seek(start)
            tag = file.read(8)
            if len(tag) < 8:
                raise damaged(path, "it ends within a tag")
            kind, length = struct.unpack(f"{order}II", tag)
            if start + 8 + length > size:
                raise damaged(path, "it ends too early")
            if kind in (_MATRIX, _COMPRESSED):
                packed = length if kind == _COMPRESSED else None
                content = _Bytes(path, file, start + 8, packed)
                variable = _read_head(path, content, order, start + 8, packed)
                if variable is not None:
                    found[variable[0]] = variable[1]
            start += 8 + length
    return found


def _read_head(
    path: Path, content: _Bytes, order: str, start: int, packed: int | None
) -> tuple[str, Mat5Variable] | None:
    """Return a variable and its name; None if it is no plain array of numbers."""
    before = 0
    if packed is not None:
        content.take(8)  # the tag of the element that is compressed
        before = 8
    flags, used = _element(path, content, order)
    before += used
    word = struct.unpack(f"{order}I", flags[:4])[0] if len(flags) >= 4 else 0
    if word & 0xFF not in _NUMERIC_CLASSES or word & _COMPLEX:
        return None
    dimensions, used = _element(path, content, order, _INT32)
    before += used
    name, used = _element(path, content, order, _INT8)
    before += used
    shape = tuple(int(n) for n in np.frombuffer(dimensions, f"{order}i4"))
    kind, length = struct.unpack(f"{order}II", content.take(8))
    if kind >> 16 or kind not in _VALUES:
        return None  # a few numbers, within their tag
    values = np.dtype(f"{order}{_VALUES[kind]}")
    if length != product(shape) * values.itemsize:
        raise damaged(path, f"{name.decode('ascii', 'replace')} has {length} bytes")
    return name.decode("ascii", "replace"), Mat5Variable(
        path, shape, values, start, packed, before + 8
    )


def _element(
    path: Path, content: _Bytes, order: str, wanted: int | None = None
) -> tuple[bytes, int]:
    """Return what a small element holds, and how many bytes it takes."""
    tag = content.take(8)
    kind, length = struct.unpack(f"{order}II", tag)
    small = kind >> 16
    if small:
        kind, length = kind & 0xFFFF, small
    if (wanted is not None and kind != wanted) or length > _PIECE or (small and small > 4):
        raise damaged(path, f"an element of type {kind} and {length} bytes where none should be")
    if small:
        return tag[4 : 4 + length], 8
    padded = -(-length // 8) * 8
    return content.take(padded)[:length], 8 + padded

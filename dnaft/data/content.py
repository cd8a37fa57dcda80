"""What a file holds: its bytes, unpacked, and the checksum of the file as it lies on disk."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from dnaft.errors import InputError

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
# First bytes of what is not read, and what it is.
_OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as .csv",
    b"BZh": "packed by bzip2; unpack it, or pack it by gzip",
    b"\xfd7zXZ": "packed by xz; unpack it, or pack it by gzip",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it, or pack it by gzip",
}


def read_bytes(path: Path, where: str) -> tuple[bytes, str]:
    """Return the content of a file, gzip undone, and the checksum of the file as it is.

    Args:
        path: The file.
        where: How messages call it.

    Returns:
        Bytes, sha256 in hex.

    Raises:
        InputError: If the file is missing, cannot be read, is damaged, or is packed by another
            program than gzip.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(where, error) from error
    sha256 = hashlib.sha256(content).hexdigest()
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(where, error) from error
    _refuse_other_packing(content, where)
    return content, sha256


def read_text(path: Path, where: str) -> tuple[str, str]:
    """Return the text of a file, gzip and byte-order mark undone, and its checksum.

    Raises:
        InputError: As `read_bytes`, and if the content is not UTF-8.
    """
    content, sha256 = read_bytes(path, where)
    if content.startswith(b"PAR1"):
        raise InputError(
            f"{where}: this is a parquet file; let its name end in .parquet, or set "
            "task.source.format=parquet"
        )
    try:
        return content.decode("utf-8-sig"), sha256
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise not_utf8(where, line, content[error.start]) from error


def text_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield line numbers, from 1, and lines without their ends: \n, \r\n or \r, no others."""
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        yield number, line.removesuffix("\n")


@contextmanager
def open_stream(path: Path, where: str) -> Iterator[BinaryIO]:
    """Open a file that is too long to be read at once; gzip and byte-order mark are undone.

    Raises:
        InputError: As `read_bytes`; damage is found where it is read, inside the context.
    """
    try:
        with path.open("rb") as file:
            packed = file.peek(2).startswith(_GZIP)
            with gzip.open(file) if packed else file as unpacked:
                stream = io.BufferedReader(cast(io.RawIOBase, unpacked))
                start = stream.peek(8)
                _refuse_other_packing(start, where)
                if start.startswith(_BOM):
                    stream.read(len(_BOM))
                yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(where, error) from error
    except OSError as error:
        raise _unreadable(where, error) from error


def checksum(path: Path, where: str) -> str:
    """Return the sha256, in hex, of a file as it lies on disk.

    Raises:
        InputError: If the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(where, error) from error


def not_utf8(where: str, line: int, byte: int) -> InputError:
    """Return the error of a byte that is no text."""
    return InputError(
        f"{where} line {line}: byte 0x{byte:02x} is not UTF-8 text; save the file as plain UTF-8"
    )


def _unreadable(where: str, error: OSError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{where}: no such file; check the path")
    return InputError(f"{where}: cannot be read ({error.strerror or error}); check the file")


def _damaged(where: str, error: Exception) -> InputError:
    return InputError(f"{where}: damaged gzip file ({error}); get a fresh copy")


def _refuse_other_packing(start: bytes, where: str) -> None:
    for magic, what in _OTHERS.items():
        if start.startswith(magic):
            raise InputError(f"{where}: this file is {what}")

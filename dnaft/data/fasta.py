"""FASTA files, record by record: a genome need not fit into memory, its largest chromosome must."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dnaft.data.content import not_utf8, open_stream
from dnaft.errors import InputError

_BLOCK = 1 << 24
_SPACE = b" \t\n\v\f"


class FastaRecord(NamedTuple):
    """One sequence.

    Attributes:
        header: The line behind its >, without white space at either end.
        line: Of the header, from 1.
        letters: The sequence in UTF-8, white space removed, else as it stands in the file.
    """

    header: str
    line: int
    letters: bytes


def fasta_records(path: Path, *, where: str | None = None) -> Iterator[FastaRecord]:
    r"""Yield the records of a FASTA file, plain or gzipped; lines end in \n, \r\n or \r.

    Raises:
        InputError: If the file is missing, damaged or not UTF-8, or does not begin with a header.
    """
    where = where or str(path)
    # Newlines are counted in a text that has one more in front, so that every record begins with
    # "\n>": the newline of that number stands in front of the line of that number.
    newlines, line = 0, 0
    parts: list[bytes] = []
    for block in _blocks(path, where):
        first, *others = block.split(b"\n>")
        parts.append(first)
        newlines += first.count(b"\n")
        for other in others:
            yield from _record(b"".join(parts), line, where)
            newlines += 1
            line, parts = newlines, [other]
            newlines += other.count(b"\n")
    yield from _record(b"".join(parts), line, where)


def _record(text: bytes, line: int, where: str) -> Iterator[FastaRecord]:
    """Yield the record that begins on a line; what stands in front of the first is line 0."""
    if not line:
        if text.strip():
            found = next(i for i, words in enumerate(text.split(b"\n")) if words.strip())
            raise InputError(
                f"{where} line {found}: a sequence without a header; FASTA begins with a line >name"
            )
        return
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            at = line + text.count(b"\n", 0, error.start)
            raise not_utf8(where, at, text[error.start]) from error
    header, _, lines = text.partition(b"\n")
    yield FastaRecord(header.decode("utf-8").strip(), line, lines.translate(None, _SPACE))


def _blocks(path: Path, where: str) -> Iterator[bytes]:
    r"""Yield the file with \n at all ends of lines, one more in front, and no "\n>" cut in two."""
    held = b"\n"
    with open_stream(path, where) as stream:
        while block := stream.read(_BLOCK):
            block = held + block
            kept = len(block.rstrip(b"\r\n"))
            # Ends of lines wait for what follows them: \r may be followed by \n, \n by >.
            held = block[kept:]
            yield _newlines(block[:kept])
    yield _newlines(held)


def _newlines(text: bytes) -> bytes:
    if b"\r" not in text:
        return text
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

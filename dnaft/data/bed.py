"""Intervals of a genome, from BED files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnaft.data.columns import find_column
from dnaft.data.content import read_text, text_lines
from dnaft.errors import InputError, quoted

_NAMES = ("chrom", "start", "end", "name", "score", "strand")
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_STRANDS = ("+", "-", ".")


@dataclass(frozen=True)
class Intervals:
    """The rows of a BED file.

    Attributes:
        chrom: Name of the chromosome.
        start: First base, counted from 0.
        end: One behind the last base.
        strand: `+`, `-`, or `.` if the file says none.
        numbers: Lines, from 1.
        columns: Texts of the columns that were asked for.
        where: The file.
        sha256: Its checksum.
    """

    chrom: list[str]
    start: list[int]
    end: list[int]
    strand: list[str]
    numbers: list[int]
    columns: Mapping[str, list[str]]
    where: str
    sha256: str

    def __len__(self) -> int:
        return len(self.chrom)

    def place(self, row: int) -> str:
        """Say where a row comes from."""
        return f"{self.where} line {self.numbers[row]}"


def bed_names(path: Path, column_names: Sequence[str] = ()) -> list[str]:
    """Return the names of the columns of a BED file; none of one without intervals.

    The first six are chrom, start, end, name, score, strand, further ones column7, column8, ...,
    unless a line above the first interval begins with # and has as many columns: then these are
    the names, but for the first three.

    Args:
        path: The file.
        column_names: Names of all columns, instead of these.

    Raises:
        InputError: If the file cannot be read, or there are more or fewer names than columns.
    """
    return _split(path, column_names)[0]


def read_bed(
    path: Path, wanted: Sequence[tuple[str, str]], column_names: Sequence[str] = ()
) -> Intervals:
    """Read a BED file, plain or `.gz`, of three columns or more, parted by tabs or blanks.

    Lines that are blank or begin with #, `track` or `browser` are no intervals.

    Args:
        path: The file.
        wanted: The key of task.source that asks for a column, and its name.
        column_names: See `bed_names`.

    Raises:
        InputError: If the file cannot be read or has no intervals, a column is missing, a row has
            another number of columns than the first, or its start, end or strand is none.
    """
    names, rows, sha256 = _split(path, column_names)
    where = str(path)
    if not rows:
        raise InputError(
            f"{where}: the file holds no intervals; a line is chromosome, start, end, parted by "
            "tabs"
        )
    places = {
        name: find_column(names, name, key, f"{where} line {rows[0][0]}") for key, name in wanted
    }
    found = Intervals([], [], [], [], [], {name: [] for name in places}, where, sha256)
    strand_at = names.index("strand") if "strand" in names else None
    for line, cells in rows:
        if len(cells) != len(names):
            raise InputError(
                f"{where} line {line}: {len(cells)} columns, the first interval has {len(names)}; "
                "correct the line"
            )
        start, end = (_coordinate(cells[at], name, f"{where} line {line}")
                      for at, name in ((1, "start"), (2, "end")))  # fmt: skip
        if end <= start:
            raise InputError(
                f"{where} line {line}: the interval ends at {end:,} and starts at {start:,}; "
                "BED counts from 0, and the end is behind the last base"
            )
        strand = "." if strand_at is None else cells[strand_at]
        if strand not in _STRANDS:
            raise InputError(f"{where} line {line}: strand {quoted(strand)} is none of + - .")
        found.chrom.append(cells[0])
        found.start.append(start)
        found.end.append(end)
        found.strand.append(strand)
        found.numbers.append(line)
        for name, at in places.items():
            found.columns[name].append(cells[at])
    return found


def _split(
    path: Path, column_names: Sequence[str]
) -> tuple[list[str], list[tuple[int, list[str]]], str]:
    """Return the names of the columns, the cells of each interval with its line, the checksum."""
    text, sha256 = read_text(path, str(path))
    rows: list[tuple[int, list[str]]] = []
    header: list[str] = []
    for line, content in text_lines(text):
        if content.startswith("#") and not rows:
            header = _cells(content.lstrip("#"))
        words = content.split(maxsplit=1)
        if words and not words[0].startswith("#") and words[0] not in ("track", "browser"):
            rows.append((line, _cells(content)))
    if not rows:
        return [], [], sha256
    line, first = rows[0]
    if len(first) < 3:
        raise InputError(
            f"{path} line {line}: {len(first)} columns; a line of a BED file is chromosome, start, "
            "end, parted by tabs"
        )
    if column_names:
        if len(column_names) != len(first):
            raise InputError(
                f"{path} line {line}: {len(first)} columns, task.source.column_names has "
                f"{len(column_names)}; correct it"
            )
        names = list(column_names)
    elif len(header) == len(first):
        names = [*_NAMES[:3], *header[3:]]
    else:
        names = [*_NAMES, *(f"column{i}" for i in range(7, len(first) + 1))][: len(first)]
    return names, rows, sha256


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()


def _coordinate(text: str, name: str, place: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise InputError(
            f"{place}: {name} {quoted(text)} is not a whole number from 0; a header line begins "
            "with #"
        )
    return int(text)

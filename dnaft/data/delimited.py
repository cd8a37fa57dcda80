"""Tables with a separator between columns: csv, tsv and their kin."""

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dnaft.data.columns import Columns, Wanted, find_column
from dnaft.data.content import read_text
from dnaft.errors import InputError

_TAB_SUFFIXES = (".tsv", ".tab", ".txt")


def delimited_names(
    path: Path, *, separator: str | None = None, where: str | None = None
) -> list[str]:
    """Return the names in the header line; none of an empty file.

    Raises:
        InputError: If the file cannot be read.
    """
    where = where or str(path)
    text, _ = read_text(path, where)
    rows = _rows(text, separator or separator_of(path), where)
    return [name.strip() for name in next(rows, (0, []))[1]]


def delimited_columns(
    path: Path,
    wanted: Wanted,
    *,
    separator: str | None = None,
    column_names: Sequence[str] = (),
    where: str | None = None,
) -> Columns:
    """Read some columns of a delimited file, plain or `.gz`.

    Blank lines are skipped; quotes, CRLF and a byte-order mark are understood.

    Args:
        path: The file.
        wanted: The columns.
        separator: Between columns; by default a tab for .tsv, .tab and .txt, else a comma.
        column_names: Of a file without a header line.
        where: How messages call the file; its path by default.

    Raises:
        InputError: If the file is missing, empty, damaged or not UTF-8, a column is missing, or
            a row has another number of columns than the header.
    """
    where = where or str(path)
    text, sha256 = read_text(path, where)
    rows = _rows(text, separator or separator_of(path), where)
    first, header = (1, list(column_names)) if column_names else next(rows, (0, []))
    if not header:
        raise InputError(
            f"{where}: the file is empty; it needs a header line with the columns "
            f"{', '.join(name for _, name in wanted)}"
        )
    names = [name.strip() for name in header]
    places = [find_column(names, name, key, f"{where} line {first}") for key, name in wanted]
    texts: list[list[str]] = [[] for _ in wanted]
    numbers: list[int] = []
    for line, row in rows:
        if len(row) != len(names):
            raise InputError(
                f"{where} line {line}: {len(row)} columns, the header has {len(names)}; "
                "correct the line, or set task.source.separator"
            )
        for column, at in zip(texts, places, strict=True):
            column.append(row[at])
        numbers.append(line)
    return Columns(texts, numbers, "line", sha256)


def separator_of(path: Path) -> str:
    """Return what parts the columns of a file of this name."""
    name = path.name.lower().removesuffix(".gz")
    return "\t" if name.endswith(_TAB_SUFFIXES) else ","


def _rows(text: str, separator: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which a row begins, and its cells; skip blank lines."""
    limit = csv.field_size_limit(sys.maxsize)  # a chromosome is longer than the default 131,072
    line = 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{where} line {line}: not readable as csv ({error}); look for a stray quote"
        ) from error
    finally:
        csv.field_size_limit(limit)

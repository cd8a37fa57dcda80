"""Labelled sequence tables from csv, FASTA and parquet files, as text."""

import csv
import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dnaft.data.table import RawRows
from dnaft.errors import InputError

_TAB_SUFFIXES = (".tsv", ".tab", ".txt")


def read_csv(
    path: Path,
    sequence_column: str,
    label_columns: Sequence[str],
    *,
    sequence_b_column: str | None = None,
    separator: str | None = None,
    where: str | None = None,
) -> RawRows:
    """Read a delimited file with a header line, plain or `.gz`.

    Blank lines are skipped; quotes, CRLF and a byte-order mark are understood. Columns that are
    not asked for are ignored.

    Args:
        path: The file.
        sequence_column: Name of the column with the sequences.
        label_columns: Names of the columns with the labels.
        sequence_b_column: Name of the column with the second sequences, for pairs.
        separator: Between columns; by default a tab for .tsv, .tab and .txt, else a comma.
        where: How messages call the file; its path by default.

    Raises:
        InputError: If the file is missing, empty, damaged or not UTF-8, a column is missing, or
            a row has another number of columns than the header.
    """
    where = where or str(path)
    wanted = [("sequence_column", sequence_column)]
    if sequence_b_column is not None:
        wanted.append(("sequence_b_column", sequence_b_column))
    pieces = len(wanted)
    wanted += [("label_columns", name) for name in label_columns]
    columns, numbers, sha256 = read_columns(path, wanted, separator=separator, where=where)
    return RawRows(columns[0], columns[pieces:], numbers, "line", where, sha256, *columns[1:pieces])


def read_columns(
    path: Path,
    wanted: Sequence[tuple[str, str]],
    *,
    separator: str | None = None,
    where: str | None = None,
    column_names: Sequence[str] = (),
) -> tuple[list[list[str]], list[int], str]:
    """Read some columns of a delimited file as text.

    Args:
        path: The file.
        wanted: The key of task.source that asks for a column, for messages, and its name.
        separator: As in `read_csv`.
        where: As in `read_csv`.
        column_names: Of a file without a header line.

    Returns:
        One list of texts for each column, the line of each row, the checksum of the file.

    Raises:
        InputError: As `read_csv`.
    """
    where = where or str(path)
    text, sha256 = _read_text(path, where)
    rows = _csv_rows(text, separator or _separator(path), where)
    header = list(column_names) or next(rows, (0, []))[1]
    if not header:
        raise InputError(
            f"{where}: the file is empty; it needs a header line with the columns "
            f"{', '.join(name for _, name in wanted)}"
        )
    names = [name.strip() for name in header]
    places = [_find_column(names, name, key, where) for key, name in wanted]
    columns: list[list[str]] = [[] for _ in wanted]
    numbers: list[int] = []
    for line, row in rows:
        if len(row) != len(names):
            raise InputError(
                f"{where} line {line}: {len(row)} columns, the header has {len(names)}; "
                "correct the line, or set task.source.separator"
            )
        for column, at in zip(columns, places, strict=True):
            column.append(row[at])
        numbers.append(line)
    return columns, numbers, sha256


def read_fasta(path: Path, *, where: str | None = None) -> RawRows:
    """Read a FASTA file, plain or `.gz`, whose headers end in `|label`.

    A sequence may run over several lines. The row number is the line of the header.

    Raises:
        InputError: If the file is missing, empty, damaged or not UTF-8, does not begin with a
            header, or a header holds no label.
    """
    where = where or str(path)
    text, sha256 = _read_text(path, where)
    parts: list[list[str]] = []
    labels: list[str] = []
    numbers: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line.startswith(">"):
            _, bar, label = line[1:].rpartition("|")
            if not bar:
                raise InputError(
                    f"{where} line {number}: header {line!r} holds no label; write >name|label"
                )
            parts.append([])
            labels.append(label)
            numbers.append(number)
        elif line:
            if not parts:
                raise InputError(
                    f"{where} line {number}: a sequence without a header; FASTA begins with "
                    "a line >name|label"
                )
            parts[-1].append(line)
    return RawRows(["".join(p) for p in parts], [labels], numbers, "line", where, sha256)


def read_parquet(
    path: Path, sequence_column: str, label_columns: Sequence[str], *, where: str | None = None
) -> RawRows:
    """Read a parquet file; rows are counted from 1.

    Raises:
        InputError: If the file is missing or no parquet, or a column is missing.
    """
    import pyarrow
    import pyarrow.parquet

    where = where or str(path)
    content = _read_bytes(path, where)
    try:
        # Without threads: pyarrow's may still run when Python exits, which then aborts now and
        # then ("terminate called without an active exception") if torch is loaded, too.
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content), pre_buffer=False)
        table = file.read(use_threads=False)
    except pyarrow.ArrowException as error:
        raise InputError(
            f"{where}: not a parquet file ({error}); delete it and fetch it again"
        ) from error
    names = list(table.column_names)
    for name, key in [(sequence_column, "sequence_column")] + [
        (name, "label_columns") for name in label_columns
    ]:
        _find_column(names, name, key, where)

    def texts(name: str) -> list[str]:
        values: list[Any] = table.column(name).to_pylist()
        return ["" if value is None else str(value) for value in values]

    return RawRows(
        texts(sequence_column),
        [texts(name) for name in label_columns],
        list(range(1, table.num_rows + 1)),
        "row",
        where,
        hashlib.sha256(content).hexdigest(),
    )


def _csv_rows(text: str, separator: str, where: str) -> Iterator[tuple[int, list[str]]]:
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


def _find_column(names: list[str], wanted: str, key: str, where: str) -> int:
    found = names.count(wanted)
    if found == 1:
        return names.index(wanted)
    problem = "no column" if found == 0 else f"{found} columns"
    raise InputError(
        f"{where} line 1: {problem} {wanted!r}; the header has {', '.join(map(repr, names))}. "
        f"Set task.source.{key}, or task.source.separator if the columns were not parted"
    )


def _separator(path: Path) -> str:
    name = path.name.removesuffix(".gz").lower()
    return "\t" if name.endswith(_TAB_SUFFIXES) else ","


def _read_text(path: Path, where: str) -> tuple[str, str]:
    """Return the decompressed text and the checksum of the file as it is."""
    content = _read_bytes(path, where)
    sha256 = hashlib.sha256(content).hexdigest()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{where}: damaged gzip file ({error}); get a fresh copy") from error
    try:
        return content.decode("utf-8-sig"), sha256
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{where} line {line}: byte 0x{content[error.start]:02x} is not UTF-8 text; "
            "save the file as plain UTF-8"
        ) from error


def _read_bytes(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{where}: no such file; check the path") from error
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror}); check the file") from error

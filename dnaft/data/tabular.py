"""One way into every kind of table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dnaft.data.columns import Columns, Wanted
from dnaft.data.delimited import delimited_columns, delimited_names
from dnaft.data.jsonl import jsonl_columns, jsonl_names
from dnaft.data.parquet import parquet_columns, parquet_names
from dnaft.errors import InputError

TableFormat = Literal["delimited", "parquet", "jsonl"]

_SUFFIXES: dict[str, TableFormat] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_SEQUENCES = (".fa", ".fasta", ".fna", ".ffn", ".bed")


def table_format(path: Path) -> TableFormat:
    """Return the format of a file of this name: delimited if nothing else.

    Raises:
        InputError: If the name says that it is no table.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix in _SEQUENCES:
        task = "bed" if suffix == ".bed" else "fasta"
        raise InputError(f"{path}: by its name no table; choose task={task}, or rename it")
    if suffix == ".json":
        raise InputError(
            f"{path}: one JSON document cannot be read line by line; write one object a line and "
            "let the name end in .jsonl"
        )
    return _SUFFIXES.get(suffix, "delimited")


def column_names(
    path: Path, *, form: TableFormat | None = None, separator: str | None = None
) -> list[str]:
    """Return the names of all columns of a table.

    Raises:
        InputError: If the file cannot be read as one.
    """
    form = form or table_format(path)
    if form == "parquet":
        return parquet_names(path)
    if form == "jsonl":
        return jsonl_names(path)
    return delimited_names(path, separator=separator)


def read_columns(
    path: Path,
    wanted: Wanted,
    *,
    form: TableFormat | None = None,
    separator: str | None = None,
    column_names: Sequence[str] = (),
    where: str | None = None,
) -> Columns:
    """Read some columns of a table as text.

    Args:
        path: The file, plain or gzipped.
        wanted: The key of task.source that asks for a column, for messages, and its name.
        form: The format; by default what the name of the file says.
        separator: Between the columns of a delimited file, see `delimited_columns`.
        column_names: Of a delimited file without a header line.
        where: How messages call the file; its path by default.

    Raises:
        InputError: If the file cannot be read, or a column is missing.
    """
    form = form or table_format(path)
    if form != "delimited" and (separator is not None or column_names):
        key = "separator" if separator is not None else "column_names"
        raise InputError(
            f"{where or path}: task.source.{key} is for delimited files, this is {form}; leave it "
            "out"
        )
    if form == "parquet":
        return parquet_columns(path, wanted, where=where)
    if form == "jsonl":
        return jsonl_columns(path, wanted, where=where)
    return delimited_columns(
        path, wanted, separator=separator, column_names=column_names, where=where
    )

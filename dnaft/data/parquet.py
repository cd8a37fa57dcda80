"""Tables in parquet files."""

import io
from pathlib import Path
from typing import Any

from dnaft.data.columns import Columns, Wanted, cell_text, find_column
from dnaft.data.content import read_bytes
from dnaft.errors import InputError


def parquet_names(path: Path, *, where: str | None = None) -> list[str]:
    """Return the names of the columns.

    Raises:
        InputError: If the file is missing or no parquet.
    """
    where = where or str(path)
    return _names(_open(read_bytes(path, where)[0], where))


def parquet_columns(path: Path, wanted: Wanted, *, where: str | None = None) -> Columns:
    """Read some columns of a parquet file; rows are counted from 1.

    Raises:
        InputError: If the file is missing or no parquet, a column is missing, or a cell holds
            several values.
    """
    import pyarrow

    where = where or str(path)
    content, sha256 = read_bytes(path, where)
    file = _open(content, where)
    names = _names(file)
    for key, name in wanted:
        find_column(names, name, key, where)
    try:
        # Without threads: pyarrow's may still run when Python exits, which then aborts now and
        # then ("terminate called without an active exception") if torch is loaded, too.
        table = file.read(columns=list(dict.fromkeys(n for _, n in wanted)), use_threads=False)
        values = [table.column(name).to_pylist() for _, name in wanted]
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # text that is not UTF-8, too
        raise _damaged(where, error) from error
    texts = [_texts(v, name, where) for v, (_, name) in zip(values, wanted, strict=True)]
    return Columns(texts, list(range(1, table.num_rows + 1)), "row", sha256)


def _open(content: bytes, where: str) -> Any:
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(io.BytesIO(content), pre_buffer=False)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise _damaged(where, error) from error


def _names(file: Any) -> list[str]:
    return [str(name) for name in file.schema_arrow.names]


def _texts(values: list[Any], name: str, where: str) -> list[str]:
    texts = []
    for row, value in enumerate(values, start=1):
        try:
            texts.append(cell_text(value))
        except ValueError as error:
            raise InputError(f"{where} row {row}: column {name!r} holds {error}") from error
    return texts


def _damaged(where: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split())
    return InputError(f"{where}: not a parquet file ({reason}); delete it and fetch it again")

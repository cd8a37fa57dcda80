"""Labelled sequences from tables, as text."""

from collections.abc import Sequence
from pathlib import Path

from dnaft.data.table import RawRows
from dnaft.data.tabular import TableFormat, read_columns


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
    return read_rows(
        path,
        sequence_column,
        label_columns,
        sequence_b_column=sequence_b_column,
        form="delimited",
        separator=separator,
        where=where,
    )


def read_parquet(
    path: Path, sequence_column: str, label_columns: Sequence[str], *, where: str | None = None
) -> RawRows:
    """Read a parquet file; rows are counted from 1.

    Raises:
        InputError: If the file is missing or no parquet, or a column is missing.
    """
    return read_rows(path, sequence_column, label_columns, form="parquet", where=where)


def read_rows(
    path: Path,
    sequence_column: str,
    label_columns: Sequence[str],
    *,
    sequence_b_column: str | None = None,
    species_column: str | None = None,
    group_column: str | None = None,
    form: TableFormat | None = None,
    separator: str | None = None,
    column_names: Sequence[str] = (),
    where: str | None = None,
) -> RawRows:
    """Read labelled rows from a table of any format, plain or `.gz`.

    Args:
        path: The file.
        sequence_column: Name of the column with the sequences.
        label_columns: Names of the columns with the labels.
        sequence_b_column: Name of the column with the second sequences, for pairs.
        species_column: Name of the column with the species of each row.
        group_column: Name of the column by which rows are parted into splits.
        form: The format; by default what the name of the file says.
        separator: Between the columns of a delimited file; by default a tab for .tsv, .tab and
            .txt, else a comma.
        column_names: Of a delimited file without a header line.
        where: How messages call the file; its path by default.

    Raises:
        InputError: If the file cannot be read, or a column is missing.
    """
    optional = {
        "sequence_b_column": sequence_b_column,
        "species_column": species_column,
        "split.column": group_column,
    }
    wanted = [("sequence_column", sequence_column)]
    wanted += [("label_columns", name) for name in label_columns]
    wanted += [(key, name) for key, name in optional.items() if name is not None]
    texts, numbers, unit, sha256 = read_columns(
        path, wanted, form=form, separator=separator, column_names=column_names, where=where
    )
    labels, others = texts[1 : 1 + len(label_columns)], iter(texts[1 + len(label_columns) :])
    second, species, groups = (next(others) if name else None for name in optional.values())
    return RawRows(
        texts[0],
        labels,
        numbers,
        unit,
        where or str(path),
        sha256,
        sequences_b=second,
        species=species,
        groups=groups,
    )

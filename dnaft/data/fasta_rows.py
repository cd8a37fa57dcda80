"""Labelled sequences from FASTA files: labels in the headers, or in a table beside them."""

import re
from collections.abc import Sequence
from pathlib import Path

from dnaft.data.content import checksum
from dnaft.data.fasta import FastaRecord, fasta_records
from dnaft.data.side_table import SideTable
from dnaft.data.table import RawRows
from dnaft.errors import InputError, quoted

LABEL_BEHIND_BAR = r".*\|(?P<label>[^|]*)"
NAME_FIRST = r"(?P<id>\S+).*"


def read_fasta(
    path: Path,
    *,
    where: str | None = None,
    header_pattern: str = LABEL_BEHIND_BAR,
    label_columns: Sequence[str] = ("label",),
    species_column: str | None = None,
    group_column: str | None = None,
    table: SideTable | None = None,
) -> RawRows:
    """Read a FASTA file, plain or `.gz`; by default its headers end in `|label`.

    A sequence may run over several lines. The row number is the line of the header.

    Args:
        path: The file.
        where: How messages call it; its path by default.
        header_pattern: Regular expression that a whole header, without its >, fits; a named group
            is a column.
        label_columns: Columns with the labels.
        species_column: Column with the species.
        group_column: Column by which rows are parted into splits.
        table: Has the columns that are no group of the pattern, by the group `id`.

    Raises:
        InputError: If the file is missing, empty, damaged or not UTF-8, does not begin with a
            header, a header does not fit, two sequences have one name, or the table lacks one.
    """
    where = where or str(path)
    pattern = re.compile(header_pattern)
    names = list(label_columns)
    names += [name for name in (species_column, group_column) if name is not None]
    columns: dict[str, list[str]] = {name: [] for name in names}
    sequences: list[str] = []
    numbers: list[int] = []
    seen: dict[str, int] = {}
    for record in fasta_records(path, where=where):
        place = f"{where} line {record.line}"
        found = pattern.fullmatch(record.header)
        if found is None:
            raise InputError(f"{place}: {_misfit(record, header_pattern)}")
        groups = found.groupdict(default="")
        row = None
        if table is not None:
            name = groups["id"]
            if name in seen:
                raise InputError(
                    f"{place}: a second sequence is named {name!r}, the first in line "
                    f"{seen[name]}; rename or remove one"
                )
            seen[name] = record.line
            row = table.row_of(name, place)
        for name, column in columns.items():
            if name in groups:
                column.append(groups[name])
            else:
                assert table is not None  # by the caller: each column is a group or in the table
                assert row is not None
                column.append(table.columns[name][row])
        sequences.append(record.letters.decode("utf-8"))
        numbers.append(record.line)
    return RawRows(
        sequences,
        [columns[name] for name in label_columns],
        numbers,
        "line",
        where,
        checksum(path, where),
        species=None if species_column is None else columns[species_column],
        groups=None if group_column is None else columns[group_column],
        facts={} if table is None else {"files": {table.where: table.sha256}},
    )


def _misfit(record: FastaRecord, pattern: str) -> str:
    header = quoted(f">{record.header}")
    if pattern == LABEL_BEHIND_BAR:
        return f"header {header} holds no label; write >name|label, or set task.source.label_table"
    if pattern == NAME_FIRST:
        return f"header {header} holds no name; write one behind its >"
    return (
        f"header {header} does not fit task.source.header_pattern {pattern!r}, which must fit all "
        "of it"
    )

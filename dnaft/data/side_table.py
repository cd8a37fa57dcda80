"""A table about sequences that lie in another file, joined by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnaft.data.tabular import read_columns
from dnaft.errors import InputError, near, quoted

_MOST_SHOWN = 30


@dataclass(frozen=True)
class SideTable:
    """Columns of a table, looked up by the name of a sequence.

    Attributes:
        where: The file, for messages.
        sha256: Its checksum.
        rows: The row of each name.
        columns: Texts by column.
    """

    where: str
    sha256: str
    rows: Mapping[str, int]
    columns: Mapping[str, list[str]]

    def row_of(self, name: str, place: str) -> int:
        """Return the row of a sequence.

        Args:
            name: Of the sequence.
            place: Where it stands, for messages.

        Raises:
            InputError: If the table has none.
        """
        if name not in self.rows:
            known = list(self.rows)[:_MOST_SHOWN]
            hint = near(name, known) if known else "it has no rows at all"
            raise InputError(
                f"{place}: {self.where} has no row for the sequence {quoted(name)}; {hint}. "
                "Add it, or remove the sequence"
            )
        return self.rows[name]


def read_side_table(path: Path, id_column: str, wanted: Sequence[tuple[str, str]]) -> SideTable:
    """Read a table of any format whose rows have names.

    Args:
        path: The file.
        id_column: Column with the names.
        wanted: The key of task.source that asks for a column, and its name.

    Raises:
        InputError: If the file cannot be read, a column is missing, or a name is empty or comes
            twice.
    """
    (names, *texts), numbers, unit, sha256 = read_columns(path, [("id_column", id_column), *wanted])
    rows: dict[str, int] = {}
    for row, text in enumerate(names):
        name = text.strip()
        if not name:
            raise InputError(f"{path} {unit} {numbers[row]}: the name in {id_column!r} is empty")
        if name in rows:
            first = numbers[rows[name]]
            raise InputError(
                f"{path} {unit} {numbers[row]}: {quoted(name)} stands in {unit} {first}, too; keep "
                "one of them"
            )
        rows[name] = row
    columns = {name: column for (_, name), column in zip(wanted, texts, strict=True)}
    return SideTable(str(path), sha256, rows, columns)

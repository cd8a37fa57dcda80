"""Some columns of a table as text, whatever file they come from."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dnaft.errors import InputError, listed

Wanted = Sequence[tuple[str, str]]  # the key of task.source that asks for a column, and its name


class Columns(NamedTuple):
    """What was asked for.

    Attributes:
        texts: One list of texts for each column.
        numbers: Where each row stands in the file, from 1.
        unit: What `numbers` count: `line` or `row`.
        sha256: Checksum of the file as it lies on disk.
    """

    texts: list[list[str]]
    numbers: list[int]
    unit: str
    sha256: str


def find_column(names: Sequence[str], wanted: str, key: str, where: str) -> int:
    """Return the place of a column.

    Args:
        names: All columns.
        wanted: The one that is asked for.
        key: The key of task.source that asks for it.
        where: The header, for messages.

    Raises:
        InputError: If there is none of this name, or several.
    """
    found = list(names).count(wanted)
    if found == 1:
        return list(names).index(wanted)
    problem = "no column" if found == 0 else f"{found} columns"
    raise InputError(
        f"{where}: {problem} {wanted!r}; the header has {listed(names)}. "
        f"Set task.source.{key}, or task.source.separator if the columns were not parted"
    )


def cell_text(value: Any) -> str:
    """Return a typed value as it would stand in a csv file: true is 1, nothing is empty.

    Raises:
        ValueError: If it is no single value, but a list or a mapping.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, list | dict | tuple):
        raise ValueError(f"{type(value).__name__} {str(value)[:40]} instead of a single value")
    return str(value)

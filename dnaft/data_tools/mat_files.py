"""Numeric variables of MATLAB files, read a few rows at a time whatever their size.

Shapes are those that MATLAB shows, rows first. Both formats keep the first axis together, column by
column, so a block of rows comes as slabs of neighbouring columns, turned: the last axis of a slab
runs over the rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dnaft.errors import InputError

SLAB_BYTES = 1 << 25  # about what one slab takes
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HEADER = 128  # bytes of a MATLAB 5 file in front of its variables
_USER_BLOCKS = (0, 512, 1024, 2048)  # where the signature of HDF5 may stand; MATLAB's: 512


class MatVariable(Protocol):
    """A numeric array in a file.

    Attributes:
        shape: As in MATLAB, (rows, ...).
        rows_at_once: How many rows should be read in one go.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102 - described above

    @property
    def rows_at_once(self) -> int: ...  # noqa: D102 - described above

    def slabs(self, first: int, end: int) -> Iterator[NDArray[Any]]:
        """Yield rows `first` to `end - 1`: of (rows, c, p) slabs (some of p, c, rows), in order.

        Raises:
            InputError: If the file is damaged there.
        """
        ...


@contextmanager
def open_variables(path: Path, names: Sequence[str]) -> Iterator[dict[str, MatVariable]]:
    """Open a MATLAB file of version 5 to 7 or 7.3, whichever it is.

    Args:
        path: The file.
        names: The variables that it must have.

    Raises:
        InputError: If there is no such file, it is none of MATLAB's or damaged, or lacks a
            variable.
    """
    found: dict[str, MatVariable]
    if _is_hdf5(path):
        from dnaft.data_tools.mat73 import open_mat73

        with open_mat73(path) as file:
            found = {name: file.variable(name) for name in names}
            yield found
        return
    from dnaft.data_tools.mat5 import find_variables

    numeric = find_variables(path)
    for name in names:
        if name not in numeric:
            raise missing_variable(path, name, sorted(numeric))
    found = {name: numeric[name] for name in names}
    yield found


def missing_variable(path: Path, name: str, known: Sequence[str]) -> InputError:
    """Return the error of a file without a variable."""
    there = ", ".join(known) or "no numeric array"
    return InputError(f"{path}: no variable {name}, there is {there}; give the published file")


def damaged(path: Path, what: object) -> InputError:
    """Return the error of a file that cannot be read to its end."""
    return InputError(f"{path}: damaged or cut off ({what}); get a fresh copy")


def _is_hdf5(path: Path) -> bool:
    """Whether a file is of version 7.3; others must be of version 5."""
    try:
        with path.open("rb") as file:
            head = file.read(_USER_BLOCKS[-1] + len(_HDF5))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; src must hold the published files") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    if any(head[at:].startswith(_HDF5) for at in _USER_BLOCKS):
        return True
    if len(head) < _HEADER or head[126:128] not in (b"IM", b"MI"):
        raise InputError(f"{path}: not a MATLAB file of version 5 to 7.3; get a fresh copy")
    return False


def columns_at_once(rows: int, bytes_a_column_row: int) -> int:
    """Return how many columns of `rows` rows make a slab."""
    return max(1, SLAB_BYTES // max(1, rows * bytes_a_column_row))


def product(numbers: Sequence[int]) -> int:
    """Return the product of whole numbers, 1 of none."""
    return int(np.prod(numbers, dtype=np.int64))

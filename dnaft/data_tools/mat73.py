"""MATLAB files of version 7.3, which are HDF5: their axes come in reverse order."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dnaft.data_tools.mat_files import columns_at_once, damaged, missing_variable, product
from dnaft.errors import InputError

_ROWS = 1 << 14  # read in one go, more or less, as the chunks of the file have it
_MOST_ROWS = 1 << 17


class _Dataset:
    """A `MatVariable` in an open file.

    HDF5 keeps chunks, each compressed as a whole. Blocks of rows and slabs are whole chunks where
    that is possible, so that each is decompressed once.

    Args:
        path: For messages.
        dataset: What h5py gives.
    """

    def __init__(self, path: Path, dataset: Any) -> None:
        self._path = path
        self._dataset = dataset
        self._chunks: tuple[int, ...] = dataset.chunks or (1,) * dataset.ndim
        self.shape: tuple[int, ...] = tuple(reversed(dataset.shape))

    @property
    def rows_at_once(self) -> int:
        rows = self._chunks[-1]
        return _ROWS // rows * rows if rows <= _ROWS else min(rows, _MOST_ROWS)

    def slabs(self, first: int, end: int) -> Iterator[NDArray[Any]]:
        columns, *others, _ = self._dataset.shape
        width = product(others) * self._dataset.dtype.itemsize
        step = columns_at_once(end - first, width)
        step = max(step // self._chunks[0], 1) * self._chunks[0]
        for column in range(0, columns, step):
            try:
                slab: NDArray[Any] = self._dataset[column : column + step, ..., first:end]
            except OSError as error:
                raise damaged(self._path, error) from error
            yield slab


class _File:
    """An open file.

    Args:
        path: For messages.
        file: What h5py gives.
    """

    def __init__(self, path: Path, file: Any) -> None:
        self._path = path
        self._file = file

    def variable(self, name: str) -> _Dataset:
        """Return a numeric array.

        Raises:
            InputError: If there is none of that name.
        """
        known = [key for key, value in self._file.items() if _is_numeric(value)]
        if name not in known:
            raise missing_variable(self._path, name, sorted(known))
        return _Dataset(self._path, self._file[name])


@contextmanager
def open_mat73(path: Path) -> Iterator[_File]:
    """Open a file.

    Raises:
        InputError: If h5py is not installed, or the file is damaged.
    """
    if find_spec("h5py") is None:
        raise InputError(
            f"{path}: a MATLAB 7.3 file, which is HDF5 and needs h5py; install it with: "
            "pip install 'dnaft[deepsea]' (or pip install h5py)"
        )
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise damaged(path, error) from error
    with file:
        yield _File(path, file)


def _is_numeric(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return dtype is not None and dtype.kind in "uifb" and value.ndim > 1

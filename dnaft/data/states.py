"""What the frozen part of a model makes of the rows of a split, on disk."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class StateRows:
    """Vectors in a file, one a row or several a window; mapped into memory, not read as a whole.

    Args:
        file: A .npy file, float32: (rows, width), or (places, width), window below window.
        offsets: Where the places of each window begin, and where the last one's end, int64,
            (windows + 1,); None if the file has one vector a row.
    """

    def __init__(self, file: Path, offsets: NDArray[np.int64] | None = None) -> None:
        self._file = file
        self._offsets = offsets
        # A plain view: a memmap takes several times as long to slice.
        mapped: NDArray[np.float32] = np.asarray(np.load(file, mmap_mode="r"))
        self._array = mapped

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        """Go to another process as the name of the file."""
        return type(self), (self._file, self._offsets)

    @property
    def pooled(self) -> bool:
        """Whether there is one vector a row."""
        return self._offsets is None

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self._array.shape[1])

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the vectors of some rows, (rows, width)."""
        return torch.from_numpy(self._array[rows])

    def window(self, window: int) -> Tensor:
        """Return the vectors of a window, (places, width)."""
        assert self._offsets is not None
        begin, end = self._offsets[window : window + 2]
        return torch.from_numpy(np.array(self._array[begin:end]))

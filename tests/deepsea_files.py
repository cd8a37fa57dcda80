"""Files in the layout of DeepSEA's published ones, with few rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import io

LENGTH_BP, LABELS = 1000, 919
CHANNELS = "AGCT"  # DeepSEA's order
PAIRS = str.maketrans("ACGTN", "TGCAN")


def random_rows(windows: int, seed: int, unknown: bool = True) -> tuple[list[str], np.ndarray]:
    """Return windows, behind them their reverse complements, and labels (2 * windows, 919).

    The first window begins with an unknown base and ends in a run of them.
    """
    random = np.random.default_rng(seed)
    forward = ["".join(random.choice(list("ACGT"), LENGTH_BP)) for _ in range(windows)]
    if unknown:
        forward[0] = f"N{forward[0][1:990]}{'N' * 10}"
    labels = (random.random((windows, LABELS)) < 0.2).astype(np.uint8)
    labels[:, 5] = 0  # a label with one value only
    turned = [s.translate(PAIRS)[::-1] for s in forward]
    return forward + turned, np.concatenate([labels, labels])


def one_hot(sequences: list[str]) -> np.ndarray:
    """Return MATLAB's array, (rows, 4, positions), base by base."""
    array = np.zeros((len(sequences), 4, LENGTH_BP), np.uint8)
    for row, sequence in enumerate(sequences):
        for position, base in enumerate(sequence):
            if base != "N":
                array[row, CHANNELS.index(base), position] = 1
    return array


def write_mat73(path: Path, variables: dict[str, np.ndarray], **options: Any) -> None:
    """Write MATLAB 7.3: a user block of 512 bytes, then HDF5 with all axes in reverse order."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in variables.items():
            chunks = (*array.T.shape[:-1], min(7, len(array)))
            settings = {"chunks": chunks, "compression": "gzip"} | options
            dataset = file.create_dataset(name, data=array.T, **settings)
            dataset.attrs["MATLAB_class"] = np.bytes_(str(array.dtype))
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    with path.open("r+b") as file:
        file.write(head)


def write_mat5(path: Path, variables: dict[str, np.ndarray], compressed: bool = True) -> None:
    """Write MATLAB 5 (compressed: 7) with SciPy."""
    io.savemat(path, variables, do_compression=compressed)


Rows = dict[str, tuple[list[str], np.ndarray]]


def write_published(folder: Path, windows: int = 10, hdf5: bool = True) -> Rows:
    """Write train.mat, valid.mat and test.mat; return what is in them by our names of splits.

    Without `hdf5` train.mat is of the format of the others, which needs no h5py.
    """
    rows: Rows = {
        "train": random_rows(windows, 1),
        "dev": random_rows(4, 2, unknown=False),
        "test": random_rows(6, 3),
    }
    files = {"train": "train", "dev": "valid", "test": "test"}
    for split, name in files.items():
        sequences, labels = rows[split]
        variables = {f"{name}xdata": one_hot(sequences), f"{name}data": labels}
        write = write_mat73 if split == "train" and hdf5 else write_mat5
        write(folder / f"{name}.mat", variables)
    return rows

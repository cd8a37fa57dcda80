"""Random numbers by place, not by order: draw i of example n is the same in every process."""

import numpy as np
from numpy.typing import NDArray

# What numbers are drawn for; each purpose has a stream of its own.
PLACE, TARGETS, TEXT = range(3)


def uniforms(seed: int, example: int, purpose: int, count: int) -> NDArray[np.float64]:
    """Return `count` numbers in [0, 1), (count,).

    They come from the raw stream of Philox (Salmon et al. 2011), which NumPy promises to keep,
    keyed by seed and example. Nothing needs to be remembered to go on with example n + 1, and
    any process can make any example.

    >>> float(uniforms(1, 7, PLACE, 3)[2]) == float(uniforms(1, 7, PLACE, 9)[2])
    True
    """
    key = np.array([seed, example], dtype=np.uint64)
    counter = np.array([0, 0, 0, purpose], dtype=np.uint64)
    raw = np.random.Philox(key=key, counter=counter).random_raw(count)
    return np.ldexp((raw >> np.uint64(11)).astype(np.float64), -53)

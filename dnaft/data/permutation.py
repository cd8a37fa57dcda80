"""A random order of any number of rows that takes no memory."""

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 8
# The finaliser of splitmix64 (Steele, Lea & Flood, OOPSLA 2014).
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


class Permutation:
    """An order of 0 to count - 1 whose places are computed, not kept.

    A Feistel network: the bits of a number are halved, and each round adds to one half a hash of
    the other, which can be undone, so no two numbers become the same. It permutes the numbers of
    an even number of bits; results from `count` on are put in again until they are below (cycle
    walking; Black & Rogaway, CT-RSA 2002), less than four times on average.

    Args:
        count: How many numbers, 1 or more.
        seed: Decides the order.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count = np.uint64(count)
        self._half = np.uint64(max(1, -(-(count - 1).bit_length() // 2)))
        self._mask = np.uint64((1 << int(self._half)) - 1)
        self._keys = np.random.SeedSequence(seed).generate_state(_ROUNDS, np.uint64)

    def __call__(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which number stands at each place, (places,)."""
        found = self._encipher(places.astype(np.uint64))
        outside = np.flatnonzero(found >= self._count)
        while len(outside):
            found[outside] = self._encipher(found[outside])
            outside = outside[found[outside] >= self._count]
        return found.astype(np.int64)

    def _encipher(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        left, right = numbers >> self._half, numbers & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mix(right + key) & self._mask)
        return (left << self._half) | right


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a hash of each number; products wrap around at 2^64."""
    for shift, multiplier in zip(_SHIFTS[:2], _MULTIPLIERS, strict=True):
        values = (values ^ (values >> shift)) * multiplier
    mixed: NDArray[np.uint64] = values ^ (values >> _SHIFTS[2])
    return mixed

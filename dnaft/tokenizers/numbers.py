"""K-mers as numbers in base 4, for whole arrays at once."""

import itertools

import numpy as np
from numpy.typing import NDArray

# Digits 0 1 2 3 in the vocabularies of DNABERT and the Nucleotide Transformer. Bits 1 and 2 of
# the ASCII codes, swapped, are these digits: A 1000001, T 1010100, C 1000011, G 1000111.
LETTERS = "ATCG"
# What str.split() splits at, among the codes below 33.
WHITESPACE = (9, 10, 11, 12, 13, 28, 29, 30, 31, 32)


def kmer_vocabulary(k: int) -> list[str]:
    """Return all k-mers in the order of their numbers, the last base fastest.

    >>> kmer_vocabulary(2)[:6]
    ['AA', 'AT', 'AC', 'AG', 'TA', 'TT']
    """
    return ["".join(letters) for letters in itertools.product(LETTERS, repeat=k)]


def is_acgt(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which ASCII codes are one of the four upper-case bases, same shape."""
    known: NDArray[np.bool_] = codes == ord("A")
    for letter in "CGT":
        known |= codes == ord(letter)
    return known


def kmer_numbers(codes: NDArray[np.uint8], k: int) -> NDArray[np.unsignedinteger]:
    """Return the number of the k-mer that begins at each position.

    The number is sum(digit[i] * 4**(k - 1 - i)). It is put together from the numbers of shorter
    k-mers (1, 2, 4, ...), so that all work is done on bytes or words by whole-array operations.
    A k-mer with another letter gets an arbitrary number below 4**k: the caller looks for those.

    Args:
        codes: ASCII codes, (n,).
        k: Length of the k-mers, 1 to 6.

    Returns:
        Numbers, (max(n - k + 1, 0),), uint8 for k <= 4, uint16 otherwise.
    """
    if len(codes) < k:
        return np.empty(0, dtype=np.uint16)
    numbers: NDArray[np.unsignedinteger] = codes >> np.uint8(2)
    numbers &= np.uint8(1)
    numbers |= codes & np.uint8(2)
    of_width = {1: numbers}
    width = 1
    while width < k:
        more = min(width, k - width)
        left = numbers[: len(numbers) - more]
        if width + more > 4:
            left = left.astype(np.uint16)
        joined = left * left.dtype.type(4**more)
        joined |= of_width[more][width:]
        width += more
        numbers = of_width[width] = joined
    return numbers

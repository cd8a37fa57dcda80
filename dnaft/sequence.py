"""DNA as text and as bytes: reverse complement, flat codes, four bases a byte."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Bases and the IUPAC codes for "one of several bases", each above its complement.
_LETTERS = "ACGTRYSWKMBDHVN"
_COMPLEMENT = "TGCAYRSWMKVHDBN"
_TABLE = str.maketrans(_LETTERS + _LETTERS.lower(), _COMPLEMENT + _COMPLEMENT.lower())
_KNOWN = frozenset(_LETTERS + _LETTERS.lower())

_BASES = np.frombuffer(b"ACGT", dtype=np.uint8)  # 2-bit code -> ASCII
_NOT_A_BASE = 255
_TWO_BIT = np.full(256, _NOT_A_BASE, dtype=np.uint8)  # ASCII -> 2-bit code
_TWO_BIT[_BASES] = np.arange(4, dtype=np.uint8)
OTHER_BASE = 4
_FIVE = np.where(_TWO_BIT == _NOT_A_BASE, OTHER_BASE, _TWO_BIT).astype(np.int64)
_STRONG = np.isin(np.arange(256), np.frombuffer(b"CGcg", dtype=np.uint8))
_WEAK = np.isin(np.arange(256), np.frombuffer(b"ATat", dtype=np.uint8))
_SHIFTS = np.array([6, 4, 2, 0], dtype=np.uint8)  # the first base sits in the highest bits
# Byte -> its four bases as ASCII, taken together as one number.
_QUADS = _BASES[(np.arange(256, dtype=np.uint8)[:, None] >> _SHIFTS) & 3].view(np.uint32)[:, 0]


def reverse_complement(sequence: str) -> str:
    """Return the other strand, read in its own direction, in the case it was given.

    >>> reverse_complement("AACgtN")
    'NacGTT'

    Args:
        sequence: Letters A, C, G, T, N and the other IUPAC codes, upper or lower case; no U.

    Raises:
        ValueError: If a letter is none of these.
    """
    if not _KNOWN.issuperset(sequence):
        at = next(i for i, letter in enumerate(sequence) if letter not in _KNOWN)
        raise ValueError(
            f"reverse_complement: {sequence[at]!r} at position {at} is no DNA letter; "
            f"use {_LETTERS} in upper or lower case."
        )
    return sequence.translate(_TABLE)[::-1]


def encode_bases(sequences: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Lay sequences end to end as ASCII codes.

    Row i is `codes[offsets[i] : offsets[i + 1]]`. The codes are read-only.

    Args:
        sequences: Any number of ASCII strings, empty ones included.

    Returns:
        codes: `(sum of lengths,)` uint8.
        offsets: `(len(sequences) + 1,)` int64, from 0 to `len(codes)`.

    Raises:
        ValueError: If a sequence holds a letter outside ASCII.
    """
    try:
        text = "".join(sequences).encode("ascii")
    except UnicodeEncodeError as error:
        row = next(i for i, sequence in enumerate(sequences) if not sequence.isascii())
        letter = next(letter for letter in sequences[row] if not letter.isascii())
        raise ValueError(
            f"encode_bases: {letter!r} in sequence {row} (counted from 0) is not ASCII; "
            "clean the sequence."
        ) from error
    offsets = np.zeros(len(sequences) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, sequences), np.int64, len(sequences)), out=offsets[1:])
    return np.frombuffer(text, dtype=np.uint8), offsets


def gc_fractions(sequences: Sequence[str]) -> NDArray[np.float64]:
    """Return the share of G and C among the A, C, G and T of each sequence, (sequences,).

    Other letters, N among them, count neither way; a sequence of such letters alone has 0.5.

    >>> gc_fractions(["GCAA", "gNN", "NN"]).tolist()
    [0.5, 1.0, 0.5]

    Args:
        sequences: ASCII strings in either case.

    Raises:
        ValueError: If a sequence holds a letter outside ASCII.
    """
    codes, offsets = encode_bases(sequences)
    strong, weak = (
        np.diff(np.concatenate([[0], np.cumsum(kind[codes])])[offsets]) for kind in (_STRONG, _WEAK)
    )
    bases = strong + weak
    return np.where(bases > 0, strong / np.maximum(bases, 1), 0.5)


def two_bit_codes(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Translate ASCII codes to A 0, C 1, G 2, T 3, in the same shape.

    Raises:
        ValueError: If a letter is not A, C, G or T in upper case.
    """
    numbers = _TWO_BIT[codes]
    wrong = numbers == _NOT_A_BASE
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = at[0] if len(at) == 1 else at
        raise ValueError(
            f"two_bit_codes: {chr(codes[at])!r} at position {where} does not fit in two bits; "
            "only upper-case A, C, G and T do."
        )
    return numbers


def base_numbers(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Translate ASCII codes to A 0, C 1, G 2, T 3 and any other letter 4, in the same shape."""
    numbers: NDArray[np.int64] = _FIVE[codes]
    return numbers


def pack_2bit(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack ASCII codes four bases a byte: A 0, C 1, G 2, T 3, the first base highest.

    >>> pack_2bit(np.frombuffer(b"ACGTT", dtype=np.uint8)).tolist()
    [27, 192]

    Args:
        codes: `(..., length)` uint8, upper-case A, C, G, T.

    Returns:
        `(..., ceil(length / 4))` uint8; unused bits of the last byte are 0.

    Raises:
        ValueError: If a letter is not A, C, G or T.
    """
    numbers = two_bit_codes(codes)
    *rows, length = numbers.shape
    padded = np.zeros((*rows, -(-length // 4) * 4), dtype=np.uint8)
    padded[..., :length] = numbers
    quads = padded.reshape(*rows, -(-length // 4), 4) << _SHIFTS
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(quads, axis=-1)
    return packed


def unpack_2bit(packed: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Undo `pack_2bit`.

    Args:
        packed: `(..., ceil(length / 4))` uint8.
        length: Bases a row.

    Returns:
        ASCII codes, `(..., length)` uint8.

    Raises:
        ValueError: If `length` does not fit the width of `packed`.
    """
    width = packed.shape[-1]
    if length < 0 or -(-length // 4) != width:
        raise ValueError(
            f"unpack_2bit: {length} bases need {-(-length // 4)} bytes a row, got {width}."
        )
    codes: NDArray[np.uint8] = np.take(_QUADS, packed).view(np.uint8)
    return codes[..., :length]

"""Bases as one-hot vectors, for models without an embedding table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnaft.sequence import encode_bases
from dnaft.tokenizers.base import fingerprint, refuse_text
from dnaft.tokenizers.encoded import Encoded, framed

BASES = "ACGT"
OTHER = 4


def _table() -> NDArray[np.uint8]:
    table = np.full(256, OTHER, dtype=np.uint8)
    for channel, base in enumerate(BASES):
        table[ord(base)] = channel
    return table


_ID_OF_CODE = _table()


class OneHotTokenizer:
    """A 0, C 1, G 2, T 3, anything else 4; no special tokens.

    The id is the channel of the one-hot vector; 4 (N, lower case, IUPAC codes) is no channel,
    so it and padding, which has the same id, are vectors of zeros.
    """

    vocab_size = 5
    pad_id = OTHER
    mask_id = None
    unk_id = OTHER
    encodes_text = False
    min_length_bp = 1

    def __init__(self, prefix: str = "", suffix: str = "") -> None:
        """Take no options.

        Args:
            prefix: Must be empty: this tokenizer knows bases only.
            suffix: Must be empty.

        Raises:
            ValueError: If there is text to encode.
        """
        refuse_text("OneHotTokenizer", prefix, suffix)

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return the channel of each base, or 4."""
        codes, starts = encode_bases(sequences)
        return framed(_ID_OF_CODE[codes], np.diff(starts))

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases fit in `max_tokens`: as many."""
        return max(-1, min(len(sequence), max_tokens))

    def fingerprint(self) -> str:
        """Return a sha256 over the order of the bases."""
        return fingerprint("OneHotTokenizer", BASES)


def one_hot(encoded: Encoded, length: int) -> NDArray[np.float32]:
    """Return the one-hot vectors of encoded sequences, padded by zeros at the end.

    Args:
        encoded: What `OneHotTokenizer.encode` returned.
        length: Positions of each row, at least those of the longest one.

    Returns:
        1 at [row, position, channel] of A, C, G or T, 0 elsewhere, (n, length, 4).

    Raises:
        ValueError: If a row is longer than `length`.
    """
    lengths = encoded.lengths()
    if len(lengths) and int(lengths.max()) > length:
        row = int(lengths.argmax())
        raise ValueError(
            f"one_hot: row {row} has {lengths[row]} bases, more than length {length}; "
            "cut the sequences first or raise length"
        )
    vectors = np.zeros((len(encoded), length, 4), dtype=np.float32)
    known = np.flatnonzero(encoded.ids != OTHER)
    rows = np.repeat(np.arange(len(encoded)), lengths)[known]
    vectors[rows, known - encoded.offsets[rows], encoded.ids[known]] = 1
    return vectors

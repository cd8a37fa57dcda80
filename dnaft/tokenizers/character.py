"""Single nucleotides, the "words" of DNA language models with one token a base."""

from collections.abc import Sequence

import numpy as np

from dnaft.sequence import encode_bases
from dnaft.tokenizers.base import fingerprint, refuse_text
from dnaft.tokenizers.encoded import Encoded, framed

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "A", "C", "G", "T", "N"]
PAD, UNK, CLS, SEP, MASK = range(5)


def _table() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    table = np.full(256, UNK, dtype=np.uint8)
    for token_id, token in enumerate(TOKENS[5:], start=5):
        table[ord(token)] = token_id
    return table


_ID_OF_CODE = _table()


class CharacterTokenizer:
    """One token a base: [CLS] bases [SEP].

    Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, A 5, C 6, G 7, T 8, N 9: the specials
    stand as in DNABERT's k-mer vocabularies, the bases in alphabetical order. Any other
    character, lower case and whitespace too, is one [UNK].
    """

    vocab_size = len(TOKENS)
    pad_id = PAD
    mask_id = MASK
    unk_id = UNK
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
        refuse_text("CharacterTokenizer", prefix, suffix)

    def vocabulary(self) -> list[str]:
        """Return the tokens in the order of their ids."""
        return list(TOKENS)

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return [CLS], the id of each base, [SEP] for each sequence."""
        codes, starts = encode_bases(sequences)
        return framed(_ID_OF_CODE[codes], np.diff(starts), (CLS,), (SEP,))

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases fit in `max_tokens`: all but two."""
        return max(-1, min(len(sequence), max_tokens - 2))

    def fingerprint(self) -> str:
        """Return a sha256 over the vocabulary."""
        return fingerprint("CharacterTokenizer", "\n".join(TOKENS))

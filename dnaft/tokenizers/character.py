"""Single nucleotides, the "words" of DNA language models with one token a base."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnaft.sequence import encode_bases
from dnaft.tokenizers.base import fingerprint, refuse_text
from dnaft.tokenizers.encoded import Encoded, framed


@dataclass(frozen=True)
class _Vocabulary:
    """Tokens in the order of their ids, and the specials that stand around each row."""

    tokens: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]

    def ids(self, tokens: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(self.tokens.index(token) for token in tokens)

    def table(self) -> NDArray[np.uint8]:
        """Return the id of each ASCII code; what is no token is [UNK]."""
        table = np.full(256, self.tokens.index("[UNK]"), dtype=np.uint8)
        for token_id, token in enumerate(self.tokens):
            if len(token) == 1:
                table[ord(token)] = token_id
        return table


_VOCABULARIES = {
    "dnaft": _Vocabulary(
        ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"ACGTN"), ("[CLS]",), ("[SEP]",)
    ),
    "hyenadna": _Vocabulary(
        ("[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]", *"ACGTN"),
        (),
        ("[SEP]",),
    ),
}


class CharacterTokenizer:
    """One token a base, in one of two vocabularies.

    dnaft: [CLS] bases [SEP]. Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, A 5, C 6, G 7,
    T 8, N 9: the specials stand as in DNABERT's k-mer vocabularies, the bases in alphabetical
    order.

    hyenadna: bases [SEP], as HyenaDNA's and Caduceus' own tokenizers give. Ids: [CLS] 0, [SEP] 1,
    [BOS] 2, [MASK] 3, [PAD] 4, [RESERVED] 5, [UNK] 6, A 7, C 8, G 9, T 10, N 11. Caduceus' own
    turns lower case into upper case first; this one does not.

    Any other character, lower case and whitespace too, is one [UNK].
    """

    encodes_text = False
    min_length_bp = 1

    def __init__(self, vocabulary: str = "dnaft", prefix: str = "", suffix: str = "") -> None:
        """Choose the vocabulary.

        Args:
            vocabulary: dnaft or hyenadna.
            prefix: Must be empty: this tokenizer knows bases only.
            suffix: Must be empty.

        Raises:
            ValueError: If there is no such vocabulary, or there is text to encode.
        """
        refuse_text("CharacterTokenizer", prefix, suffix)
        if vocabulary not in _VOCABULARIES:
            raise ValueError(f"vocabulary must be dnaft or hyenadna, got {vocabulary!r}")
        chosen = _VOCABULARIES[vocabulary]
        self._tokens = chosen.tokens
        self._id_of_code = chosen.table()
        self._before, self._after = chosen.ids(chosen.before), chosen.ids(chosen.after)
        self.vocab_size = len(chosen.tokens)
        self.pad_id, self.mask_id, self.unk_id = chosen.ids(("[PAD]", "[MASK]", "[UNK]"))

    def vocabulary(self) -> list[str]:
        """Return the tokens in the order of their ids."""
        return list(self._tokens)

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return the id of each base between the vocabulary's specials, for each sequence."""
        codes, starts = encode_bases(sequences)
        return framed(self._id_of_code[codes], np.diff(starts), self._before, self._after)

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases fit in `max_tokens` beside the specials."""
        specials = len(self._before) + len(self._after)
        return max(-1, min(len(sequence), max_tokens - specials))

    def fingerprint(self) -> str:
        """Return a sha256 over the vocabulary, which names the specials, too."""
        return fingerprint("CharacterTokenizer", "\n".join(self._tokens))

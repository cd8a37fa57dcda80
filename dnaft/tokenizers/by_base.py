"""Language by the byte pairs of a vocabulary, and DNA by its single letters."""

import string
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnaft.sequence import encode_bases
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.encoded import Encoded, framed

_BASES = "ACGT"


class BaseByBaseTokenizer(BpeTokenizer):
    """The "one-hot" tokens of LINGO (Section 2.5, Table 1): a token for each base.

    The vocabulary is that of a language model; a base is the token of its letter, so no byte pair
    of DNA is also a piece of an English word. Prefix and suffix are encoded as language, apart from
    the sequence, between the special tokens that the vocabulary's own post-processor adds. A letter
    that is no token by itself is the unknown token, or N in a vocabulary without one.
    """

    def _prepare(self) -> None:
        """Find the tokens of letters, and what stands around each sequence.

        Raises:
            ValueError: If a base is no token.
        """
        self._id_of_code = self._letters()
        around = self._backend.encode("A", add_special_tokens=self._add_special_tokens)
        first = around.special_tokens_mask.index(0)
        self._before = (*around.ids[:first], *self._language(self.prefix))
        self._after = (*self._language(self.suffix), *around.ids[first + 1 :])

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return the ids of special tokens, prefix, bases and suffix, for each sequence."""
        codes, starts = encode_bases(sequences)
        return framed(self._id_of_code[codes], np.diff(starts), self._before, self._after)

    def encode_pairs(self, first: Sequence[str], second: Sequence[str]) -> Encoded:
        """Refuse pairs: models of language with a letter a base were trained on none.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "tokenizer=own_by_base encodes no pairs; use the model's own, tokenizer=own"
        )

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases fit in `max_tokens` beside everything else."""
        return max(-1, min(len(sequence), max_tokens - len(self._before) - len(self._after)))

    def _language(self, text: str) -> tuple[int, ...]:
        return tuple(self._backend.encode(text, add_special_tokens=False).ids)

    def _letters(self) -> NDArray[np.int32]:
        """Return the id of each ASCII code, (256,).

        Raises:
            ValueError: If a base is no token.
        """
        tokens = {letter: self._language(letter) for letter in string.printable}
        single = {letter: ids[0] for letter, ids in tokens.items() if len(ids) == 1}
        lacking = [base for base in _BASES if single.get(base, self.unk_id) == self.unk_id]
        if lacking:
            raise ValueError(
                f"tokenizer {self.source} has no token for the letter {lacking[0]} alone; use one "
                "that has, such as OPT's"
            )
        other = single.get("N", single["A"]) if self.unk_id is None else self.unk_id
        table = np.full(256, other, dtype=np.int32)
        for letter, number in single.items():
            table[ord(letter)] = number
        return table

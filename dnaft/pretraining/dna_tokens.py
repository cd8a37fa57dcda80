"""Which tokens of a vocabulary spell bases, and which bases a token stands for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnaft.tokenizers.base import Tokenizer

_BASES = frozenset("ACGT")


@dataclass(frozen=True, eq=False)
class DnaTokens:
    """The tokens made of A, C, G and T alone.

    Attributes:
        ids: Their ids, ascending, (tokens,) int64.
        words: Their letters, in the same order.
        is_dna: For each id of the vocabulary whether it is one of them, (vocab_size,).
        stride_bp: Bases from the beginning of a token to that of the next: 1 for single bases
            and overlapping k-mers; None where tokens are of varying length.
        width_bp: Bases of a token; None where they vary.
    """

    ids: NDArray[np.int64]
    words: tuple[str, ...]
    is_dna: NDArray[np.bool_]
    stride_bp: int | None
    width_bp: int | None

    @property
    def overlap_bp(self) -> int:
        """Bases that a token shares with the next one."""
        if self.stride_bp is None or self.width_bp is None:
            return 0
        return self.width_bp - self.stride_bp


def dna_tokens(tokenizer: Tokenizer) -> DnaTokens:
    """Find the tokens that spell bases.

    Width and stride are found by encoding an example, so they hold for any tokenizer.

    Raises:
        ValueError: If the tokenizer does not show its vocabulary, or it spells no base.
    """
    vocabulary = getattr(tokenizer, "vocabulary", None)
    if vocabulary is None:
        raise ValueError(
            f"{type(tokenizer).__name__} has no vocabulary of words to predict; take "
            "tokenizer=character, kmer, nonoverlapping_v2 or bpe"
        )
    found = [(i, word) for i, word in enumerate(vocabulary()) if word and _BASES.issuperset(word)]
    if not found:
        raise ValueError("no token of the vocabulary is made of A, C, G and T")
    ids = np.array([i for i, _ in found], dtype=np.int64)
    words = tuple(word for _, word in found)
    is_dna = np.zeros(tokenizer.vocab_size, dtype=bool)
    is_dna[ids] = True
    width, stride = _geometry(tokenizer, dict(found), is_dna)
    return DnaTokens(ids, words, is_dna, stride, width)


def _geometry(
    tokenizer: Tokenizer, words: dict[int, str], is_dna: NDArray[np.bool_]
) -> tuple[int | None, int | None]:
    """Return width and stride, None if the words of an encoded example vary in length."""
    bases = 720  # a multiple of all word lengths up to 6: no rest at the end
    letters = np.random.Philox(0).random_raw(bases) & np.uint64(3)
    ids = tokenizer.encode(["".join("ACGT"[int(i)] for i in letters)])[0]
    widths = {len(words[int(i)]) for i in ids if is_dna[i]}
    if len(widths) != 1:
        return None, None
    width = widths.pop()
    tokens = int(is_dna[ids].sum())
    return width, (bases - width) // (tokens - 1)

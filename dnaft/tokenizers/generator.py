"""6-mers side by side in the vocabulary of GENERator, a causal model."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnaft.sequence import encode_bases
from dnaft.tokenizers.base import fingerprint, refuse_text
from dnaft.tokenizers.encoded import Encoded, framed
from dnaft.tokenizers.numbers import is_acgt, kmer_numbers, kmer_vocabulary

K = 6
OOV, BOS, EOS, PAD, MASK = range(5)
# 32 special tokens; those from 5 on (organisms, genes) never come from a sequence.
FIRST_KMER = 32
_CLOSING = {"</s>": (EOS,), "<s>": (BOS,), "": ()}


class GeneratorTokenizer:
    """6-mers from the left, between <s> and a closing token (Wu et al. 2025, arXiv:2502.07272).

    Ids: <oov> 0, <s> 1, </s> 2, <pad> 3, <mask> 4, other specials up to 31, then the 6-mers over A,
    T, C, G from 32, the last base fastest.

    A 6-mer of upper-case letters that are not all A, C, G, T is one <oov>, and so is a rest
    shorter than 6: the authors advise lengths that are multiples of 6, and cut the 5' end. Every
    other character (lower case, blanks, digits) is one <oov>, and the 6-mers start anew behind it.
    Names of special tokens inside a sequence are not read as such.
    """

    vocab_size = FIRST_KMER + 4**K
    pad_id = PAD
    mask_id = MASK
    unk_id = OOV
    encodes_text = False
    min_length_bp = 1

    def __init__(
        self, closing: Literal["</s>", "<s>", ""] = "</s>", prefix: str = "", suffix: str = ""
    ) -> None:
        """Choose the token at the end, whose hidden state stands for the sequence.

        Args:
            closing: "</s>", as in the paper's classifiers (Appendix C.4); "<s>", the separator that
                the authors' script for the v2 models puts there; "" for none.
            prefix: Must be empty: this tokenizer knows bases only.
            suffix: Must be empty.

        Raises:
            ValueError: If there is no such closing token, or there is text to encode.
        """
        if closing not in _CLOSING:
            raise ValueError(f"closing must be '</s>', '<s>' or '', got {closing!r}")
        refuse_text("GeneratorTokenizer", prefix, suffix)
        self.closing = closing
        self._after = _CLOSING[closing]

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return <s>, the tokens and the closing token of each sequence."""
        codes, starts = encode_bases(sequences)
        is_token, room = _parts(codes, starts)
        known = np.concatenate([[0], np.cumsum(is_acgt(codes))])
        at = np.flatnonzero(is_token)
        whole = at[room[at] >= K]
        whole = whole[known[whole + K] - known[whole] == K]
        ids = np.full(len(codes), OOV, dtype=np.int32)
        ids[whole] = kmer_numbers(codes, K)[whole].astype(np.int32) + FIRST_KMER
        before = np.concatenate([[0], np.cumsum(is_token)])
        return framed(ids[at], np.diff(before[starts]), (BOS,), self._after)

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases fit in `max_tokens`; a longer prefix never has fewer."""
        room = max_tokens - 1 - len(self._after)
        if room < 0:
            return -1
        is_token, _ = _parts(*encode_bases([sequence]))
        return int(np.searchsorted(np.cumsum(is_token), room, side="right"))

    def fingerprint(self) -> str:
        """Return a sha256 over the vocabulary and the closing token."""
        kmers = "\n".join(kmer_vocabulary(K))
        return fingerprint("GeneratorTokenizer", kmers, first=FIRST_KMER, closing=self.closing)


def _parts(
    codes: NDArray[np.uint8], starts: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Find where tokens begin in sequences that lie one after the other.

    Args:
        codes: ASCII codes, (n,).
        starts: Where each sequence begins, and n, (sequences + 1,).

    Returns:
        Whether a token begins here, (n,); letters from here to the end of the stretch, (n,).
    """
    letter = (codes >= ord("A")) & (codes <= ord("Z"))
    begins = np.zeros(len(codes) + 1, dtype=bool)
    begins[starts] = True
    begins[:-1] |= ~letter
    begins[1:] |= ~letter
    borders = np.flatnonzero(begins)
    lengths = np.diff(borders)
    first = np.repeat(borders[:-1], lengths)
    within = np.arange(len(codes)) - first
    room = np.where(letter, np.repeat(lengths, lengths) - within, 0)
    return within % K == 0, room

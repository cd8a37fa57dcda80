"""Non-overlapping 6-mers of the Nucleotide Transformer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from dnaft.sequence import encode_bases
from dnaft.tokenizers.base import fingerprint, refuse_text
from dnaft.tokenizers.encoded import Encoded, framed
from dnaft.tokenizers.numbers import LETTERS, WHITESPACE, is_acgt, kmer_numbers, kmer_vocabulary

K = 6
UNK, PAD, MASK, CLS = range(4)
_BASE, _N, _UNKNOWN, _SPACE = range(4)


def _kinds() -> NDArray[np.uint8]:
    kinds = np.full(256, _UNKNOWN, dtype=np.uint8)
    kinds[list(LETTERS.encode())] = _BASE
    kinds[ord("N")] = _N
    kinds[list(WHITESPACE)] = _SPACE
    return kinds


_KIND_OF_CODE = _kinds()


@dataclass(frozen=True)
class _Runs:
    """Maximal stretches of characters of one kind within one sequence, in order."""

    begins: NDArray[np.int64]
    lengths: NDArray[np.int64]
    kinds: NDArray[np.uint8]

    def tokens(self) -> NDArray[np.int64]:
        """Return how many tokens each run gives."""
        return _tokens(self.kinds, self.lengths)

    def are_alike(self) -> bool:
        """Return whether all are stretches of A, C, G, T of one length, and there are any."""
        if not len(self.kinds):
            return False
        return bool((self.lengths == self.lengths[0]).all() and (self.kinds == _BASE).all())


def _tokens(kinds: NDArray[np.uint8], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tokens of runs: 6-mers and a rest of single bases, each N, one unknown."""
    counts = lengths // K + lengths % K
    counts[kinds == _N] = lengths[kinds == _N]
    counts[kinds == _UNKNOWN] = 1
    counts[kinds == _SPACE] = 0
    return counts


class NonOverlappingTokenizer:
    """6-mers side by side, from the left, in the vocabulary of the Nucleotide Transformer.

    A row is <cls> and then, for each stretch of A, C, G, T: its 6-mers, and the rest shorter
    than 6 as single bases. N is a token of its own, and the 6-mers start anew after it. A
    stretch of other characters (lower case, IUPAC codes) is one <unk>. Whitespace parts.

    Ids, version v1: <unk> 0, <pad> 1, <mask> 2, <cls> 3, the 6-mers over A, T, C, G from 4, the
    last base fastest, then A T C G N. v2 has <eos> 4 and <bos> 5 before the 6-mers. v1 lists
    these two at the end, where the model has no embedding for them, so its vocab_size leaves
    them out; neither version ever emits one.
    """

    pad_id = PAD
    mask_id = MASK
    unk_id = UNK
    encodes_text = False
    min_length_bp = 1

    def __init__(
        self, version: Literal["v1", "v2"] = "v2", prefix: str = "", suffix: str = ""
    ) -> None:
        """Choose the vocabulary.

        Args:
            version: "v1" for the models of 2023 (500m and 2.5b), "v2" for the v2 models.
            prefix: Must be empty: this tokenizer knows bases only.
            suffix: Must be empty.

        Raises:
            ValueError: If there is no such version, or there is text to encode.
        """
        if version not in ("v1", "v2"):
            raise ValueError(f"version must be v1 or v2, got {version!r}")
        refuse_text("NonOverlappingTokenizer", prefix, suffix)
        self.version = version
        self._first_kmer = 4 if version == "v1" else 6
        self._first_base = self._first_kmer + 4**K
        self.vocab_size = self._first_base + len(LETTERS) + 1

    def vocabulary(self) -> list[str]:
        """Return all tokens in the order of their ids, those without an embedding too."""
        specials, last = ["<unk>", "<pad>", "<mask>", "<cls>"], ["<eos>", "<bos>"]
        kmers = kmer_vocabulary(K) + list(LETTERS) + ["N"]
        if self.version == "v1":
            return specials + kmers + last
        return specials + last + kmers

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return <cls> and the tokens of each sequence."""
        codes, starts = encode_bases(sequences)
        runs = _find_runs(codes, starts)
        counts = runs.tokens()
        if runs.are_alike() and len(counts) == len(sequences):
            return framed(self._equal_rows(codes, int(runs.lengths[0])), counts, (CLS,))
        before = np.concatenate([[0], np.cumsum(counts)])
        row_tokens = np.diff(before[np.searchsorted(runs.begins, starts)])
        return framed(self._run_ids(codes, runs, counts), row_tokens, (CLS,))

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases fit in `max_tokens`.

        A prefix can have more tokens than a longer one (5 bases are 5 tokens, 6 bases are 1);
        of all prefixes that fit, this is the longest.
        """
        room = max_tokens - 1
        if room < 0:
            return -1
        codes, starts = encode_bases([sequence])
        runs = _find_runs(codes, starts)
        full = np.concatenate([[0], np.cumsum(runs.tokens())[:-1]])
        within = np.arange(1, len(codes) + 1) - np.repeat(runs.begins, runs.lengths)
        counts = _tokens(np.repeat(runs.kinds, runs.lengths), within)
        counts += np.repeat(full[: len(runs.lengths)], runs.lengths)
        fitting = np.flatnonzero(counts <= room)
        return int(fitting[-1]) + 1 if len(fitting) else 0

    def fingerprint(self) -> str:
        """Return a sha256 over the vocabulary."""
        return fingerprint("NonOverlappingTokenizer", "\n".join(self.vocabulary()))

    def _run_ids(
        self, codes: NDArray[np.uint8], runs: _Runs, counts: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Return the ids of all tokens of all runs, special tokens not included."""
        kmers = np.where(runs.kinds == _BASE, runs.lengths // K, 0)
        singles = counts - kmers
        slots = np.cumsum(counts) - counts
        ids = np.empty(int(counts.sum()), dtype=np.int32)
        numbers = kmer_numbers(codes, K)[_places(runs.begins, kmers, K)]
        ids[_places(slots, kmers, 1)] = numbers + np.uint16(self._first_kmer)
        letters = codes[_places(runs.begins + K * kmers, singles, 1)]
        ids[_places(slots + kmers, singles, 1)] = self._single_ids()[letters]
        return ids

    def _equal_rows(self, codes: NDArray[np.uint8], length: int) -> NDArray[np.int32]:
        """Return what `_run_ids` does for rows of one length without other letters, a matrix."""
        rows, kmers = len(codes) // length, length // K
        ids = np.empty((rows, kmers + length % K), dtype=np.int32)
        numbers = kmer_numbers(codes, K).astype(np.uint16, copy=False)
        size = numbers.itemsize
        if kmers:
            ids[:, :kmers] = as_strided(numbers, (rows, kmers), (size * length, size * K))
            ids[:, :kmers] += self._first_kmer
        ids[:, kmers:] = self._single_ids()[codes.reshape(rows, length)[:, K * kmers :]]
        return ids

    def _single_ids(self) -> NDArray[np.int32]:
        table = np.full(256, UNK, dtype=np.int32)
        for i, letter in enumerate(LETTERS + "N"):
            table[ord(letter)] = self._first_base + i
        return table


def _places(begins: NDArray[np.int64], counts: NDArray[np.int64], stride: int) -> NDArray[np.int64]:
    """Return begin, begin + stride, ... for each run, as many as it counts, (sum of counts,)."""
    done = np.cumsum(counts) - counts
    places: NDArray[np.int64] = np.repeat(begins - stride * done, counts)
    places += stride * np.arange(len(places))
    return places


def _find_runs(codes: NDArray[np.uint8], starts: NDArray[np.int64]) -> _Runs:
    """Part sequences that lie one after the other into runs.

    A run can begin only where a sequence does, at a letter other than A, C, G, T, or after it.
    """
    others = np.flatnonzero(~is_acgt(codes))
    begins = np.concatenate([starts[:-1], others, others + 1])
    begins.sort()
    begins = begins[np.diff(begins, prepend=-1) > 0]
    begins = begins[begins < len(codes)]
    kinds = _KIND_OF_CODE[codes[begins]]
    goes_on = np.zeros(len(begins), dtype=bool)
    goes_on[1:] = kinds[1:] == kinds[:-1]
    goes_on &= starts[np.searchsorted(starts, begins)] != begins
    begins, kinds = begins[~goes_on], kinds[~goes_on]
    return _Runs(begins, np.diff(begins, append=len(codes)), kinds)

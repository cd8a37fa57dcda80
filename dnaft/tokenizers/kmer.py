"""Overlapping k-mers, one token a base: DNABERT and SpeciesLM."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from dnaft.sequence import encode_bases
from dnaft.tokenizers.base import fingerprint, refuse_text
from dnaft.tokenizers.encoded import Encoded, offsets_of, side_by_side, write_framed
from dnaft.tokenizers.numbers import is_acgt, kmer_numbers, kmer_vocabulary

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
# Bases worked on at a time: the intermediate arrays then stay in a processor's cache.
BLOCK_BP = 1 << 18


class KmerTokenizer:
    """All k-mers of a sequence, stride 1, in DNABERT's vocabulary.

    Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, then all k-mers over A, T, C, G in this
    order, the last base fastest. A row is [CLS] k-mers [SEP]. A k-mer with any other letter
    (N, lower case, IUPAC codes) is one [UNK]; whitespace parts a k-mer into several [UNK], as
    in the original, which joins k-mers by blanks. A sequence shorter than k is [CLS] [SEP].

    DNABERT's own tokenizer breaks an input of 510 k-mers or more into pieces with [CLS] and
    [SEP] each; this one never does, as a model without that length limit would never see it.

    SpeciesLM (Karollus et al. 2024) has a species token after [CLS], whose ids follow the
    k-mers; they come with the model and are never guessed here.

    A pair is [CLS] k-mers [SEP] k-mers [SEP], as in BERT: no k-mer reaches over the border, and
    the token type is 0 up to the first [SEP], 1 behind it. The species token stands once.
    """

    pad_id = PAD
    mask_id = MASK
    unk_id = UNK
    encodes_text = False

    def __init__(
        self,
        k: int = 6,
        species_id: int | None = None,
        vocab_size: int | None = None,
        prefix: str = "",
        suffix: str = "",
        species_ids: dict[str, int] | None = None,
    ) -> None:
        """Choose the k-mers.

        Args:
            k: Bases in a token, 3 to 6.
            species_id: Id of the species token put after [CLS]; none if not given.
            vocab_size: Rows of the model's embedding table if more than 4**k + 5.
            prefix: Must be empty: this tokenizer knows bases only.
            suffix: Must be empty.
            species_ids: The ids of species by name, for rows that say which is theirs;
                `species_id` is that of all other rows.

        Raises:
            ValueError: If an argument is out of range, or there is text to encode.
        """
        if not 3 <= k <= 6:
            raise ValueError(f"k must be 3, 4, 5 or 6 (DNABERT's vocabularies), got {k}")
        refuse_text("KmerTokenizer", prefix, suffix)
        kmers_end = len(SPECIALS) + 4**k
        if vocab_size is not None and vocab_size < kmers_end:
            raise ValueError(f"vocab_size must be {kmers_end} or more for k={k}, got {vocab_size}")
        self.k = k
        self.species_id = species_id
        self.vocab_size = vocab_size if vocab_size is not None else kmers_end
        self.species_ids = dict(species_ids or {})
        if self.species_ids and species_id is None:
            raise ValueError("species_ids need species_id, the species of rows that say none")
        for number in (species_id, *self.species_ids.values()):
            if number is not None and not kmers_end <= number < self.vocab_size:
                raise ValueError(
                    f"species_id must lie from {kmers_end} (after the k-mers) to vocab_size - 1 = "
                    f"{self.vocab_size - 1}, got {number}; take both from the model "
                    "(SpeciesLM: vocab_size 5504)"
                )
        self._before = (CLS,) if species_id is None else (CLS, species_id)
        self._specials = len(self._before) + 1

    @property
    def min_length_bp(self) -> int:
        """K: a shorter sequence has no k-mer."""
        return self.k

    def vocabulary(self) -> list[str]:
        """Return special tokens and k-mers in the order of their ids (species not named)."""
        return SPECIALS + kmer_vocabulary(self.k)

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return [CLS], the id of each k-mer, [SEP] for each sequence."""
        return self._encode(sequences, self._before)

    def encode_pairs(self, first: Sequence[str], second: Sequence[str]) -> Encoded:
        """Return [CLS], the k-mers of the first, [SEP], those of the second, [SEP] for each pair.

        Raises:
            ValueError: If there are not equally many first and second sequences.
        """
        return side_by_side(self._encode(first, self._before), self._encode(second, ()))

    def with_species(self, encoded: Encoded, species: Sequence[str]) -> Encoded:
        """Return encoded rows, or pairs, with the token of each one's species behind [CLS].

        Raises:
            KeyError: If a name is none of `species_ids`.
        """
        ids = encoded.ids.copy()
        ids[encoded.offsets[:-1] + 1] = [self.species_ids[name] for name in species]
        return Encoded(ids, encoded.offsets, encoded.type_ids)

    def _encode(self, sequences: Sequence[str], before: tuple[int, ...]) -> Encoded:
        codes, starts = encode_bases(sequences)
        if codes.min(initial=255) <= ord(" "):  # no real sequence comes here: correct, not fast
            return Encoded.from_rows([*before, *self._spaced(s), SEP] for s in sequences)
        windows = np.maximum(np.diff(starts) - self.k + 1, 0)
        offsets = offsets_of(windows + len(before) + 1)
        out = np.empty(offsets[-1], dtype=np.int32)
        for first, end in _blocks(starts):
            write_framed(
                out[offsets[first] : offsets[end]],
                self._kmer_ids(
                    codes[starts[first] : starts[end]], np.diff(starts[first : end + 1])
                ),
                windows[first:end],
                before,
                (SEP,),
            )
        return Encoded(out, offsets)

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases fit in `max_tokens`: room + k - 1, or all."""
        room = max_tokens - self._specials
        if room < 0:
            return -1
        if not any(letter.isspace() for letter in sequence):
            return min(len(sequence), room + self.k - 1)
        for begin in range(len(sequence) - self.k + 1):
            room -= len(sequence[begin : begin + self.k].split())
            if room < 0:
                return begin + self.k - 1
        return len(sequence)

    def fingerprint(self) -> str:
        """Return a sha256 over the vocabulary and the options."""
        return fingerprint(
            "KmerTokenizer", "\n".join(self.vocabulary()), k=self.k, species_id=self.species_id
        )

    def _kmer_ids(
        self, codes: NDArray[np.uint8], lengths: NDArray[np.int64]
    ) -> NDArray[np.unsignedinteger]:
        """Return the ids of the windows inside sequences that lie one after the other.

        Numbers are made for all windows, those over the border of two sequences included,
        which are left out at the end; that is far cheaper than a loop over sequences.
        """
        ids = kmer_numbers(codes, self.k).astype(np.uint16, copy=False)
        ids += len(SPECIALS)
        known = is_acgt(codes)
        if not known.all():
            unknown = np.flatnonzero(~known)
            for place in range(self.k):  # of the letter in the k-mer
                window = unknown - place
                ids[window[(window >= 0) & (window < len(ids))]] = UNK
        length = int(lengths[0])
        if length >= self.k and (lengths == length).all():
            shape = (len(lengths), length - self.k + 1)
            return as_strided(ids, shape, (ids.itemsize * length, ids.itemsize), writeable=False)
        inside = np.ones(len(ids), dtype=bool)
        ends = np.cumsum(lengths)
        for overhang in range(1, self.k):
            crossing = ends - overhang
            inside[crossing[(crossing >= 0) & (crossing < len(ids))]] = False
        return ids[inside]

    def _spaced(self, sequence: str) -> list[int]:
        numbers = {kmer: i for i, kmer in enumerate(self.vocabulary())}
        windows = (sequence[i : i + self.k] for i in range(len(sequence) - self.k + 1))
        words = " ".join(windows).split()
        return [numbers.get(word, UNK) for word in words]


def _blocks(starts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield ranges of whole sequences, of about BLOCK_BP bases each."""
    first, rows = 0, len(starts) - 1
    while first < rows:
        end = int(np.searchsorted(starts, starts[first] + BLOCK_BP, side="right")) - 1
        end = min(max(end, first + 1), rows)
        yield first, end
        first = end

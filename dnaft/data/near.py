"""Near duplicates: different sequences that share most of their words, on either strand.

Two sequences are as similar as the sets of their words of k bases: the words that both have over
the words that either has (Jaccard). A word and its reverse complement are one. Of two windows of
one genome that lie s bases apart, each with n words, the similarity is (n - s) / (n + s); so at 0.5
they lie no further apart than a third of their words. One changed base in the middle of a sequence
costs k words.

No pair is missed. Sets of n words with a similarity of t or more share at least ceil(t n) words, so
they share one of the n - ceil(t n) + 1 words of either that are rarest among all sequences (prefix
filtering; Chaudhuri et al., ICDE 2006; Bayardo et al., WWW 2007). Only pairs that share one are
compared. Words among the rarest of very many sequences are passed over, and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from dnaft.sequence import OTHER_BASE, base_numbers, encode_bases

Ints = NDArray[np.int64]
LONGEST_WORD = 15  # bases; more would not leave room for the number of the column in 32 bits
_LARGEST_GROUP = 4_000  # sequences that share a rare word: 8 million pairs
_PAIRS_AT_ONCE = 50_000  # compared; each has the words of two sequences
_PAIRS_IN_MEMORY = 10_000_000


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of sequences that are similar.

    Attributes:
        first: Number of a sequence, (pairs,); below that in `second`.
        second: Number of the other, (pairs,).
        similarity: Of each pair, (pairs,), from the least that was asked for to 1.
        words_passed_over: Words too common for their pairs to be compared; 0 if none is missed.
    """

    first: Ints
    second: Ints
    similarity: NDArray[np.float64]
    words_passed_over: int


def find_near(columns: Sequence[Sequence[str]], word_bp: int = 12, least: float = 0.5) -> NearPairs:
    """Return all pairs of sequences that are similar; equal sequences are, too.

    Words with a letter other than A, C, G, T do not count; a sequence without words is similar to
    none.

    Args:
        columns: The sequences; for pairs of sequences the first ones and the second ones, whose
            words are told apart.
        word_bp: Bases of a word, k.
        least: Similarity above 0, at most 1.

    Raises:
        ValueError: If a number is out of range.
    """
    if not 1 <= word_bp <= LONGEST_WORD:
        raise ValueError(f"word_bp must be 1 to {LONGEST_WORD}, got {word_bp}")
    if not 0 < least <= 1:
        raise ValueError(f"least must lie in (0, 1], got {least}")
    words = _words(columns, word_bp)
    rows, wanted, passed_over = _rare_words(words, least)
    found = [_compare(words, pairs, least) for pairs in _candidates(rows, wanted, words.shape[0])]
    pairs = np.concatenate([p for p, _ in found] or [np.empty(0, np.int64)])
    similarity = np.concatenate([s for _, s in found] or [np.empty(0)])
    pairs, at = np.unique(pairs, return_index=True)
    first, second = np.divmod(pairs, max(words.shape[0], 1))
    return NearPairs(first, second, similarity[at], passed_over)


def _words(columns: Sequence[Sequence[str]], word_bp: int) -> sparse.csr_array:
    """Return which words each sequence has: (sequences, distinct words) of 0 and 1.

    Words are numbered from the rarest to the most common.
    """
    keys, owners = [], []
    for number, sequences in enumerate(columns):
        codes, offsets = encode_bases(sequences)
        bases, lengths = base_numbers(codes), np.diff(offsets)
        row = np.repeat(np.arange(len(sequences)), lengths)
        position = np.arange(len(codes)) - offsets[row]
        whole = position + word_bp <= lengths[row]
        forward, backward = (np.zeros(len(codes), dtype=np.int64) for _ in range(2))
        for offset in range(word_bp):
            base = np.roll(bases, -offset)
            whole &= base != OTHER_BASE
            forward = 4 * forward + base
            backward += (3 - base) * 4**offset
        word = np.minimum(forward, backward)[whole] + number * 4**word_bp
        keys.append(word)
        owners.append(row[whole])
    rows = len(columns[0])
    key, owner = np.concatenate(keys), np.concatenate(owners)
    distinct, word = np.unique(key, return_inverse=True)
    table = sparse.coo_array(
        (np.ones(len(word), dtype=np.int32), (owner, word)), shape=(rows, len(distinct))
    ).tocsr()
    table.data[:] = 1
    count = np.bincount(table.indices, minlength=len(distinct))
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[np.argsort(count, kind="stable")] = np.arange(len(distinct))
    ranked = sparse.csr_array((table.data, rank[table.indices], table.indptr), shape=table.shape)
    ranked.sort_indices()
    return ranked


def _rare_words(words: sparse.csr_array, least: float) -> tuple[Ints, Ints, int]:
    """Return the rare words that similar sequences share one of: rows, words, words passed over."""
    sizes = np.diff(words.indptr)
    kept = np.where(sizes > 0, sizes - np.ceil(least * sizes - 1e-9).astype(int) + 1, 0)
    row = np.repeat(np.arange(len(sizes)), sizes)
    rare = np.arange(len(words.indices)) - words.indptr[row] < kept[row]
    row, word = row[rare], words.indices[rare].astype(np.int64)
    count = np.bincount(word, minlength=words.shape[1])
    passed_over = int((count > _LARGEST_GROUP).sum())
    shared = (count[word] > 1) & (count[word] <= _LARGEST_GROUP)
    order = np.lexsort((row[shared], word[shared]))
    return row[shared][order], word[shared][order], passed_over


def _candidates(rows: Ints, words: Ints, total: int) -> list[Ints]:
    """Return the pairs of rows that share a word, as first * total + second, each once, in parts.

    Args:
        rows: Sorted within each word, (entries,).
        words: Sorted, (entries,).
        total: Number of sequences.
    """
    starts = np.flatnonzero(np.diff(words, prepend=-1))
    ends = np.append(starts[1:], len(words))
    found: list[Ints] = []
    for size in np.unique(ends - starts):
        of_size = starts[ends - starts == size]
        members = rows[of_size[:, None] + np.arange(size)]
        left, right = np.triu_indices(size, 1)
        at_once = max(1, _PAIRS_IN_MEMORY // len(left))
        for begin in range(0, len(members), at_once):
            group = members[begin : begin + at_once]
            found.append(np.unique(group[:, left] * total + group[:, right]))
    if not found:
        return []
    distinct = np.unique(np.concatenate(found))
    return [distinct[i : i + _PAIRS_AT_ONCE] for i in range(0, len(distinct), _PAIRS_AT_ONCE)]


def _compare(
    words: sparse.csr_array, pairs: Ints, least: float
) -> tuple[Ints, NDArray[np.float64]]:
    """Return those of these pairs that are similar, and how similar they are."""
    first, second = np.divmod(pairs, words.shape[0])
    shared = np.asarray(words[first].multiply(words[second]).sum(axis=1)).reshape(-1)
    sizes = np.diff(words.indptr)
    similarity = shared / np.maximum(sizes[first] + sizes[second] - shared, 1)
    near = similarity >= least - 1e-12
    return pairs[near], similarity[near]

"""Sequences that share many k-mers, found without comparing all with all.

Similarity is the Jaccard index of two sets of canonical k-mers (a k-mer and its reverse complement
are one): shared ones over all. Candidates are sequences whose MinHash signatures (Broder 1997, by
datasketch) agree in one band of rows or more; each is then counted exactly, so none is taken for
similar that is not. At most one pair in a thousand that is at the threshold is missed, fewer above
it. datasketch's own hash table would hold a Python set for each band of each sequence; sorting the
bands needs a thirtieth of that memory.
"""

import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dnaft.errors import InputError
from dnaft.sequence import encode_bases

_MOST_PERMUTATIONS = 256
_MISSED = 0.001
_DIGIT = np.full(256, 4, dtype=np.uint8)
_DIGIT[np.frombuffer(b"ACGTacgt", dtype=np.uint8)] = np.tile(np.arange(4, dtype=np.uint8), 2)


def check_available(key: str) -> None:
    """Raise if datasketch is not there; costs no import.

    Args:
        key: The configuration key that asks for it.

    Raises:
        InputError: If it is not installed.
    """
    if find_spec("datasketch") is None:
        raise InputError(
            f"{key}: similarity needs the package datasketch, which is not installed: pip install "
            "'dnaft[similarity]'. Without it: cluster the sequences yourself, with MMseqs2 or "
            "CD-HIT for example, put the cluster of each row into a column, and set "
            f"{key}=group"
        )


def cluster(columns: Sequence[Sequence[str]], threshold: float, k: int) -> NDArray[np.int64]:
    """Return the cluster of each row.

    Two rows are linked if their sequences in one of the columns are similar; a cluster is all
    that can be reached over links. Sequences without a k-mer of A, C, G, T are linked to equal
    ones alone.

    Args:
        columns: Sequences, one list for single ones, two for pairs.
        threshold: Least Jaccard index of a link, above 0, at most 1.
        k: Bases of a k-mer, 4 to 16.

    Returns:
        Numbers from 0, in the order of the rows, (rows,).
    """
    links = _Links(len(columns[0]))
    for sequences in columns:
        first: dict[str, int] = {}
        for row, text in enumerate(sequences):
            links.join(first.setdefault(text.upper(), row), row)
        distinct = np.fromiter(first.values(), np.int64)
        kmers = [kmer_set(sequences[row], k) for row in distinct]
        for bucket in _buckets(kmers, threshold):
            _link(bucket, distinct, kmers, threshold, links)
    roots = np.array([links.root(row) for row in range(len(columns[0]))])
    _, at, number = np.unique(roots, return_index=True, return_inverse=True)
    order: NDArray[np.int64] = np.argsort(np.argsort(at))
    return order[number]


def kmer_set(sequence: str, k: int) -> NDArray[np.int64]:
    """Return the numbers of the canonical k-mers of a sequence, sorted, each once.

    A k-mer is a number to base 4, A 0, C 1, G 2, T 3, the first base highest; it and its reverse
    complement go by the smaller number. K-mers with other letters are left out.
    """
    digits = _DIGIT[encode_bases([sequence])[0]]
    count = len(digits) - k + 1
    if count < 1:
        return np.empty(0, dtype=np.int64)
    forward = np.zeros(count, dtype=np.int64)
    backward = np.zeros(count, dtype=np.int64)
    known = np.ones(count, dtype=bool)
    for offset in range(k):
        digit = digits[offset : offset + count]
        known &= digit < 4
        forward = 4 * forward + digit
        backward += (3 - digit.astype(np.int64)) << (2 * offset)
    return np.unique(np.minimum(forward, backward)[known])


def jaccard(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Return what two sorted sets share, over all that they hold; 0 if both are empty."""
    shared = len(np.intersect1d(a, b, assume_unique=True))
    together = len(a) + len(b) - shared
    return shared / together if together else 0.0


def bands(threshold: float) -> tuple[int, int]:
    """Return bands and rows a band of the signatures, as many rows as miss few enough pairs.

    A pair of Jaccard index j agrees in a row with probability j, so it becomes a candidate with
    probability 1 - (1 - j^rows)^bands.

    >>> bands(0.5)  # 0.875^52 = 0.00097
    (52, 3)
    """
    chosen = (1, 1)
    for rows in range(1, _MOST_PERMUTATIONS + 1):
        agrees = threshold**rows
        count = 1 if agrees == 1 else math.ceil(math.log(_MISSED) / math.log1p(-agrees))
        if rows > 1 and count * rows > _MOST_PERMUTATIONS:
            break
        chosen = (count, rows)
    return chosen


def _buckets(kmers: Sequence[NDArray[np.int64]], threshold: float) -> Iterator[NDArray[np.int64]]:
    """Yield the sequences that agree in a band, as places in `kmers`, two or more at a time."""
    from datasketch import MinHash

    some = [place for place, numbers in enumerate(kmers) if len(numbers)]
    count, rows = bands(threshold)
    made = MinHash.generator(
        (kmers[place].tolist() for place in some), num_perm=count * rows, seed=1, hashfunc=int
    )
    signatures = np.array([signature.hashvalues for signature in made], dtype=np.uint32)
    for band in range(count if some else 0):
        part = np.ascontiguousarray(signatures[:, band * rows : (band + 1) * rows])
        _, number = np.unique(part.view(f"V{4 * rows}").ravel(), return_inverse=True)
        order = np.argsort(number, kind="stable")
        for bucket in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
            if len(bucket) > 1:
                yield np.array(some)[bucket]


def _link(
    bucket: NDArray[np.int64],
    distinct: NDArray[np.int64],
    kmers: Sequence[NDArray[np.int64]],
    threshold: float,
    links: "_Links",
) -> None:
    """Join the similar sequences of a bucket, those not joined already."""
    clusters: dict[int, list[int]] = {}
    for place in bucket.tolist():
        clusters.setdefault(links.root(int(distinct[place])), []).append(place)
    for one, other in combinations(clusters.values(), 2):
        if links.root(int(distinct[one[0]])) == links.root(int(distinct[other[0]])):
            continue
        if any(jaccard(kmers[a], kmers[b]) >= threshold for a in one for b in other):
            links.join(int(distinct[one[0]]), int(distinct[other[0]]))


class _Links:
    """Rows that are joined, directly or over others: a union-find forest."""

    def __init__(self, rows: int) -> None:
        self._parent = list(range(rows))

    def root(self, row: int) -> int:
        """Return the row that stands for all that this one is joined to."""
        parent = self._parent
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    def join(self, a: int, b: int) -> None:
        """Join two rows and all that they are joined to."""
        self._parent[self.root(b)] = self.root(a)

"""Which bases a target asks for: those that no visible token spells."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnaft.pretraining.dna_tokens import DnaTokens
from dnaft.pretraining.examples import Rows
from dnaft.pretraining.objectives import TokenBatch


def asked_bases(rows: Rows, batch: TokenBatch, dna: DnaTokens, causal: bool) -> NDArray[np.int64]:
    """Return how many bases each target adds to what is visible, (targets,).

    A base is visible if a token that is not asked for spells it, or, from left to right, an
    earlier token. Single bases add 1, tokens of a byte-pair encoding their length. Of a span of k
    overlapping k-mers, each is asked for the one base that no k-mer outside the span shows, so
    its -log p is what the model needs for that base.
    """
    return np.concatenate(
        [np.empty(0, np.int64), *(g.asked for g in targets_by_row(rows, batch, dna, causal))]
    )


@dataclass(frozen=True, eq=False)
class RowTargets:
    """The targets of one row, in terms of its bases.

    Attributes:
        codes: Bases of the row, 0 to 3 for A, C, G, T, (bases,).
        hidden: Which bases no visible token spells, (bases,).
        begins: First hidden base that each target covers, (targets,).
        asked: Hidden bases that it covers, all of them neighbours, (targets,).
    """

    codes: NDArray[np.uint8]
    hidden: NDArray[np.bool_]
    begins: NDArray[np.int64]
    asked: NDArray[np.int64]


def targets_by_row(
    rows: Rows, batch: TokenBatch, dna: DnaTokens, causal: bool
) -> Iterator[RowTargets]:
    """Yield the targets of each row that has any, in the order of the batch."""
    width = rows.ids.shape[1]
    row_of, column = np.divmod(batch.places.numpy(), width)
    column = column + 1 if causal else column  # the token that follows the place
    lookup = dict(zip(dna.ids.tolist(), dna.words, strict=True))
    for row in range(len(rows.ids)):
        targets = column[row_of == row]
        if not len(targets):
            continue
        where = np.flatnonzero(rows.is_dna[row])
        words = [lookup[int(i)] for i in rows.ids[row, where]]
        begins, ends = _extents(words, dna.overlap_bp)
        text = _join(words, begins, ends)
        order = np.searchsorted(where, targets)
        shown = np.zeros(len(text) + 1, dtype=np.int64)
        if causal:
            # Only what earlier tokens spell; all targets are asked for one after the other.
            first = np.maximum.accumulate(np.concatenate([[0], ends[:-1]]))
            asked_from = np.maximum(begins, first)[order]
            hidden = np.ones(len(text), dtype=bool)
            yield RowTargets(text, hidden, asked_from, ends[order] - asked_from)
            continue
        visible = np.ones(len(where), dtype=bool)
        visible[order] = False
        np.add.at(shown, begins[visible], 1)
        np.add.at(shown, ends[visible], -1)
        hidden = np.cumsum(shown)[:-1] == 0
        before = np.concatenate([[0], np.cumsum(hidden)])
        asked = (before[ends] - before[begins])[order]
        # The hidden bases of a token stand together: the first one at or behind its begin.
        following = np.flatnonzero(hidden)
        first_hidden = following[np.minimum(before[begins[order]], len(following) - 1)]
        yield RowTargets(text, hidden, first_hidden, asked)


def _extents(words: list[str], overlap: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each word begins and ends in the sequence, (words,) both."""
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    steps = lengths - overlap
    begins = np.cumsum(steps) - steps
    return begins, begins + lengths


def _join(
    words: list[str], begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return the bases that words spell together, 0 to 3, (bases,)."""
    text = np.zeros(int(ends.max()), dtype=np.uint8)
    for word, begin, end in zip(words, begins, ends, strict=True):
        text[begin:end] = np.frombuffer(word.encode(), dtype=np.uint8)
    return np.searchsorted(np.frombuffer(b"ACGT", dtype=np.uint8), text).astype(np.uint8)

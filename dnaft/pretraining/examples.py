"""Rows of tokens for a language model: windows of a genome, encoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dnaft.pretraining.dna_tokens import DnaTokens
from dnaft.pretraining.windows import WindowSampler
from dnaft.tokenizers.base import Tokenizer


@dataclass(frozen=True, eq=False)
class Rows:
    """Padded rows of token ids.

    Attributes:
        ids: (rows, tokens) int64, padding at the end of each row.
        lengths: Tokens of each row, padding not counted, (rows,).
        is_dna: Which tokens spell bases of the genome, (rows, tokens).
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    is_dna: NDArray[np.bool_]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Where tokens are, and not padding, (rows, tokens)."""
        inside: NDArray[np.bool_] = np.arange(self.ids.shape[1]) < self.lengths[:, None]
        return inside


class Examples(Protocol):
    """Rows by number; the same number gives the same row in every process."""

    def rows(self, numbers: Sequence[int]) -> Rows:
        """Return these examples, one a row."""
        ...

    def lengths(self, numbers: Sequence[int]) -> NDArray[np.int64]:
        """Return how many tokens these examples have before any is cut, (rows,)."""
        ...


class GenomeExamples:
    """Windows of a genome between the special tokens of a tokenizer.

    Args:
        sampler: Where windows come from.
        tokenizer: Turns them into tokens.
        dna: Its tokens that spell bases.
        max_tokens: Longest row; a window with more tokens loses bases at its end.
    """

    def __init__(
        self, sampler: WindowSampler, tokenizer: Tokenizer, dna: DnaTokens, max_tokens: int
    ) -> None:
        self.sampler = sampler
        self._tokenizer = tokenizer
        self._dna = dna
        self._max_tokens = max_tokens

    def rows(self, numbers: Sequence[int]) -> Rows:
        """Return these windows, encoded."""
        sequences = self.sequences(numbers)
        encoded = self._tokenizer.encode(sequences)
        if len(encoded) and int(encoded.lengths().max()) > self._max_tokens:
            sequences = [
                s[: self._tokenizer.longest_prefix(s, self._max_tokens)] for s in sequences
            ]
            encoded = self._tokenizer.encode(sequences)
        ids = pad(list(encoded), self._tokenizer.pad_id)
        return Rows(ids, encoded.lengths(), self._dna.is_dna[ids])

    def lengths(self, numbers: Sequence[int]) -> NDArray[np.int64]:
        """Return how many tokens these windows have before any is cut, (rows,)."""
        return self._tokenizer.encode(self.sequences(numbers)).lengths()

    def sequences(self, numbers: Sequence[int]) -> list[str]:
        """Return the bases of these windows as read."""
        sampler = self.sampler
        return [sampler.read(sampler.draw(n)).tobytes().decode("ascii") for n in numbers]


def pad(rows: Sequence[NDArray[np.integer]], pad_id: int) -> NDArray[np.int64]:
    """Return rows below each other, filled up at their ends, (rows, longest row)."""
    width = max((len(row) for row in rows), default=0)
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids

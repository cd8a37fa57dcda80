"""Which tokens of a byte-pair encoding can stand side by side."""

import json
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dnaft.pretraining.dna_tokens import DnaTokens

_NEVER = 1 << 30
_BLOCK = 256
_MOST_TOKENS = 10_000  # tables of all pairs take gigabytes from here on


@dataclass(frozen=True, eq=False)
class BpePairs:
    """The merges among the tokens that spell bases.

    Encoding merges the pair of neighbours that was learnt first, the leftmost one first, until no
    pair is left. So two tokens are neighbours only if, at every moment of their making, no merge
    over the border between them came earlier than the next merge on either side. A row of tokens
    is what encoding its letters gives exactly if each two neighbours of it can stand side by side.

    Attributes:
        rank: Number of the merge that makes each token, -1 for single bases, (tokens,).
        left: First of the two tokens that it is made of, (tokens,).
        right: The second, (tokens,).
        merged: Number of the merge of each two tokens, `_NEVER` if there is none, (tokens, tokens).
    """

    rank: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    merged: NDArray[np.int32]

    @classmethod
    def read(cls, tokenizer_json: str, dna: DnaTokens) -> Self:
        """Take the merges from a tokenizer.json.

        Raises:
            ValueError: If it is no byte-pair encoding, a token has no merge that makes it, or there
                are too many tokens for tables of all pairs.
        """
        model = json.loads(tokenizer_json)["model"]
        if model["type"] != "BPE":
            raise ValueError(
                f"the tokenizer.json is of type {model['type']}; what hidden tokens may be is "
                "known for BPE only"
            )
        if len(dna.words) > _MOST_TOKENS:
            raise ValueError(
                f"{len(dna.words):,} tokens of bases are more than the {_MOST_TOKENS:,} whose "
                "pairs can be held; learn a smaller vocabulary with dnaft.pretraining.vocabulary"
            )
        number = {word: i for i, word in enumerate(dna.words)}
        size = len(dna.words)
        rank = np.full(size, -1, dtype=np.int32)
        left, right = (np.arange(size, dtype=np.int32) for _ in range(2))
        merged = np.full((size, size), _NEVER, dtype=np.int32)
        for order, merge in enumerate(model["merges"]):
            first, second = merge.split(" ") if isinstance(merge, str) else merge
            made = number.get(first + second)
            if made is None or first not in number or second not in number:
                continue
            merged[number[first], number[second]] = order
            if rank[made] < 0:
                rank[made], left[made], right[made] = order, number[first], number[second]
        unmade = [word for word in dna.words if len(word) > 1 and rank[number[word]] < 0]
        if unmade:
            raise ValueError(f"no merge of bases makes the token {unmade[0]!r}")
        return cls(rank, left, right, merged)

    def allowed(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each two tokens can stand side by side, (pairs,).

        Both are taken apart at the border, the later merge first, which runs through all moments
        of their making backwards.

        Args:
            first: Numbers of the tokens on the left, (pairs,).
            second: Numbers of those on the right, (pairs,).
        """
        allowed = np.ones(len(first), dtype=bool)
        live = np.arange(len(first))
        # Before which merge one over the border must come to happen at all.
        limit = np.full(len(first), _NEVER - 1, dtype=np.int32)
        a, b = first.astype(np.int32), second.astype(np.int32)
        while len(live):
            crossed = self.merged[a, b] < limit
            allowed[live[crossed]] = False
            rank_a, rank_b = self.rank[a], self.rank[b]
            going = ~crossed & ((rank_a >= 0) | (rank_b >= 0))
            live, a, b = live[going], a[going], b[going]
            rank_a, rank_b = rank_a[going], rank_b[going]
            undo_a = rank_a > rank_b
            # Of two equal merges the left one comes first: one over the border before one in b.
            limit = np.where(undo_a, rank_a, rank_b + 1)
            a = np.where(undo_a, self.right[a], a)
            b = np.where(undo_a, b, self.left[b])
        return allowed

    def table(self) -> NDArray[np.bool_]:
        """Return `allowed` for all pairs, (tokens, tokens)."""
        size = len(self.rank)
        every = np.arange(size)
        blocks = []
        for begin in range(0, size, _BLOCK):
            some = every[begin : begin + _BLOCK]
            first, second = np.repeat(some, size), np.tile(every, len(some))
            blocks.append(self.allowed(first, second).reshape(len(some), size))
        return np.concatenate(blocks)

"""What a Markov chain of bases knows about hidden tokens of a byte-pair encoding, exactly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dnaft.pretraining.markov import Floats, MarkovChain

Tokens = NDArray[np.int64]
Row = tuple[Tokens, NDArray[np.bool_]]
Gaps = list[Tokens]

# Rows worked on together.
_ROWS = 100


class TokenChain:
    """Bases drawn from a chain, then cut into tokens by the encoding.

    The encoding is a function of the bases, so a row of tokens has the probability of its bases
    if each two neighbours can stand side by side, else 0. That gives the probability of hidden
    tokens whatever their lengths, with no word on how many bases are hidden.

    A state is the last token with the last bases of the row: tokens at least as long as the
    chain's memory have one state, shorter ones a state for each word in front of them.

    Args:
        chain: The chain of bases.
        words: Bases of each token, 0 to 3.
        allowed: Whether two tokens can stand side by side, (tokens, tokens).
    """

    def __init__(
        self, chain: MarkovChain, words: Sequence[NDArray[np.uint8]], allowed: NDArray[np.bool_]
    ) -> None:
        self._start = chain.start
        self._lengths = np.array([len(word) for word in words], dtype=np.int64)
        self._order = chain.order
        contexts = np.arange(len(chain.start))
        # P(bases of a token | context), and the context behind it.
        self._emitted = np.empty((len(contexts), len(words)))
        self._behind = np.empty((len(contexts), len(words)), dtype=np.int64)
        for i, word in enumerate(words):
            probability, context = np.ones(len(contexts)), contexts
            for base in word:
                probability = probability * chain.next[context, base]
                context = (4 * context + int(base)) % len(contexts)
            self._emitted[:, i], self._behind[:, i] = probability, context
        # States by token: those of token i begin at first[i].
        fronts = 4 ** np.maximum(chain.order - self._lengths, 0)
        self._first = np.cumsum(fronts) - fronts
        self._token = np.repeat(np.arange(len(words)), fronts)
        front = np.arange(len(self._token)) - self._first[self._token]
        scale = 4 ** np.minimum(self._lengths, chain.order)
        ends = self._behind[0] % scale
        self._context = front * scale[self._token] + ends[self._token]
        self._scale = scale
        self._long = np.flatnonzero(self._lengths >= chain.order)
        self._allowed = allowed
        # Weight of a hidden token behind each state: to the one state of a long token, (states,
        # long tokens), and to the states of short ones, (states, states) with few entries.
        states = np.arange(len(self._token))
        self._to_long = self._allowed[self._token][:, self._long]
        self._to_long = self._to_long * self._emitted[:, self._long][self._context]
        short = np.flatnonzero(self._lengths < chain.order)
        targets = [self._state(int(i), self._behind[self._context, i]) for i in short]
        entries = [self._weight_of(int(i)) for i in short]
        places = (np.tile(states, len(short)), np.concatenate([states[:0], *targets]))
        self._to_short = csr_array(
            (np.concatenate([np.empty(0), *entries]), places), shape=(len(states), len(states))
        )

    def posteriors(self, rows: Sequence[Row]) -> list[Floats]:
        """Return the probability of each token at each hidden place, given the visible ones.

        Args:
            rows: Of each row the numbers of its tokens, (places,), and which of them nobody sees,
                (places,).

        Returns:
            For each row (hidden places, tokens of the vocabulary).
        """
        found: list[Floats] = []
        for begin in range(0, len(rows), _ROWS):
            gaps = [_gaps(*row) for row in rows[begin : begin + _ROWS]]
            for forward, backward in zip(self._forward(gaps), self._backward(gaps), strict=True):
                posterior = np.empty((len(forward), len(self._lengths)))
                for i, (before, behind) in enumerate(zip(forward, backward, strict=True)):
                    joint = _collect(self._token, before * behind, len(self._lengths))
                    posterior[i] = joint / joint.sum()
                found.append(posterior)
        return found

    def _forward(self, rows: Sequence[Gaps]) -> list[list[Floats]]:
        """Return for each hidden token the weight of its states, given all before, (states,).

        Rows go on together, hidden token by hidden token.
        """
        found: list[list[Floats]] = [[] for _ in rows]
        for k in range(max((len(gaps) - 1 for gaps in rows), default=0)):
            waiting: list[tuple[int, Floats]] = []
            for i, gaps in enumerate(rows):
                if k >= len(gaps) - 1:
                    continue
                if k == 0 or self._in_sight(gaps[k]):
                    found[i].append(self._hide_behind(*self._read(gaps[k])))
                    continue
                weights = found[i][-1]
                for token in gaps[k]:
                    weights = self._see(weights, int(token))
                waiting.append((i, weights))
            if waiting:
                hidden = self._hide(np.stack([weights for _, weights in waiting]))
                for (i, _), weights in zip(waiting, hidden, strict=True):
                    found[i].append(weights / weights.sum())
        return found

    def _backward(self, rows: Sequence[Gaps]) -> list[list[Floats]]:
        """Return for each hidden token the weight of what follows its states, (states,)."""
        found: list[list[Floats]] = [[] for _ in rows]
        for k in range(max((len(gaps) - 1 for gaps in rows), default=0)):
            waiting: list[int] = []
            for i, gaps in enumerate(rows):
                if k >= len(gaps) - 1:
                    continue
                gap = gaps[-1 - k]
                if k == 0 or self._in_sight(gap):
                    # What lies behind the bases in sight does not depend on the hidden token.
                    found[i].append(self._followed_by(gap))
                else:
                    waiting.append(i)
            if waiting:
                before = self._hide_back(np.stack([found[i][-1] for i in waiting]))
                for i, weights in zip(waiting, before, strict=True):
                    for token in rows[i][-1 - k][::-1]:
                        weights = self._see_back(weights, int(token))
                    found[i].append(weights / weights.max())
        return [weights[::-1] for weights in found]

    def _in_sight(self, gap: Tokens) -> bool:
        return int(self._lengths[gap].sum()) >= self._order

    def _state(self, token: int | Tokens, context: Tokens) -> Tokens:
        """Return the state of a token behind which the context is known."""
        states: Tokens = self._first[token] + context // self._scale[token]
        return states

    def _read(self, gap: Tokens) -> tuple[Floats, int | None]:
        """Return the weight of each context behind visible tokens, and the last token."""
        weights = self._start
        for token in gap:
            weights = weights * self._emitted[:, token]
            weights = _collect(self._behind[:, token], weights, len(weights))
            weights = weights / weights.sum()
        return weights, int(gap[-1]) if len(gap) else None

    def _hide_behind(self, weights: Floats, last: int | None) -> Floats:
        """Return the weight of the states of a hidden token behind contexts and a visible one."""
        contexts = np.flatnonzero(weights)
        joint = weights[contexts, None] * self._emitted[contexts]
        if last is not None:
            joint = joint * self._allowed[last]
        every = np.arange(len(self._lengths))
        states = self._state(every[None], self._behind[contexts])
        return _collect(states, joint, len(self._token))

    def _followed_by(self, gap: Tokens) -> Floats:
        """Return the probability of visible tokens behind each state."""
        weights = np.ones(len(self._token))
        token, context, bases = self._token, self._context, 0
        for follower in gap:
            weights *= self._allowed[token, follower] * self._emitted[context, follower]
            context = self._behind[context, follower]
            token = np.full_like(token, follower)
            bases += int(self._lengths[follower])
            if bases >= self._order:
                break
        scaled: Floats = weights / weights.max()
        return scaled

    def _weight_of(self, token: int) -> Floats:
        """Return the weight of a token behind each state, (states,)."""
        weights: Floats = self._allowed[self._token, token] * self._emitted[self._context, token]
        return weights

    def _see(self, weights: Floats, token: int) -> Floats:
        """Move on by a visible token."""
        states = self._state(token, self._behind[self._context, token])
        moved = _collect(states, weights * self._weight_of(token), len(self._token))
        scaled: Floats = moved / moved.sum()
        return scaled

    def _see_back(self, weights: Floats, token: int) -> Floats:
        """Move back over a visible token."""
        states = self._state(token, self._behind[self._context, token])
        moved: Floats = self._weight_of(token) * weights[states]
        return moved

    def _hide(self, weights: Floats) -> Floats:
        """Move on by a hidden token, (rows, states) both."""
        moved: Floats = weights @ self._to_short
        moved[:, self._first[self._long]] = weights @ self._to_long
        return moved

    def _hide_back(self, weights: Floats) -> Floats:
        """Move back over a hidden token, (rows, states) both."""
        moved: Floats = weights[:, self._first[self._long]] @ self._to_long.T
        moved += (self._to_short @ weights.T).T
        return moved


def _collect(places: NDArray[np.int64], weights: Floats, length: int) -> Floats:
    """Return the sums of the weights that go to each place, (length,)."""
    return np.bincount(places.ravel(), weights.ravel(), length).astype(np.float64, copy=False)


def _gaps(tokens: Tokens, hidden: NDArray[np.bool_]) -> Gaps:
    """Return the visible tokens before the first hidden one, between them, behind the last."""
    first, *others = np.split(tokens, np.flatnonzero(hidden))
    return [first, *(part[1:] for part in others)]

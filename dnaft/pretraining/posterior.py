"""What a Markov chain knows about hidden bases from the visible ones on both sides, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnaft.pretraining.markov import Floats, MarkovChain

# Rows, and targets, worked on together: what bounds the memory.
_ROWS = 16
_TARGETS = 256


@dataclass(frozen=True, eq=False)
class HiddenBases:
    """One row of bases, some of them hidden, and stretches of hidden ones that are asked for.

    Attributes:
        bases: 0 to 3, (length,).
        hidden: Which of them nobody sees, (length,).
        begins: First base of each stretch asked for, (targets,).
        lengths: Bases of each, all of them hidden, (targets,).
    """

    bases: NDArray[np.uint8]
    hidden: NDArray[np.bool_]
    begins: NDArray[np.int64]
    lengths: NDArray[np.int64]


def predict_stretches(
    chain: MarkovChain, rows: Sequence[HiddenBases]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return how well a chain tells what hidden stretches are, from all that is visible.

    P(word | visible bases) = P(word, visible bases) / sum over words, everything else that is
    hidden summed over: forward weights up to the stretch, the words of the stretch, backward
    weights behind it (the forward-backward algorithm, Baum et al. 1970). Nothing is approximated.

    Args:
        chain: The chain.
        rows: Rows of any lengths.

    Returns:
        -log p of what stands there, and whether no other word is likelier, both (targets,), the
        targets of one row after those of another.
    """
    nats, hits = [np.empty(0)], [np.empty(0, dtype=bool)]
    for first in range(0, len(rows), _ROWS):
        some = rows[first : first + _ROWS]
        forward, backward = _weights(chain, some)
        row_of = np.repeat(np.arange(len(some)), [len(row.begins) for row in some])
        begins = np.concatenate([row.begins for row in some])
        lengths = np.concatenate([row.lengths for row in some])
        answers = np.array(
            [
                _number(row.bases[b : b + n])
                for row in some
                for b, n in zip(row.begins, row.lengths, strict=True)
            ],
            dtype=np.int64,
        )
        chosen_nats, chosen_hits = np.empty(len(begins)), np.empty(len(begins), dtype=bool)
        for length in np.unique(lengths):
            alike = np.flatnonzero(lengths == length)
            for at in range(0, len(alike), _TARGETS):
                which = alike[at : at + _TARGETS]
                words = _words(
                    chain,
                    forward[begins[which], row_of[which]],
                    backward[begins[which] + length, row_of[which]],
                    int(length),
                )
                truth = words[np.arange(len(which)), answers[which]]
                chosen_nats[which] = -np.log(truth)
                chosen_hits[which] = truth >= words.max(axis=1)
        nats.append(chosen_nats)
        hits.append(chosen_hits)
    return np.concatenate(nats), np.concatenate(hits)


def _weights(chain: MarkovChain, rows: Sequence[HiddenBases]) -> tuple[Floats, Floats]:
    """Return forward and backward weights of all contexts in front of each base.

    Both (length + 1, rows, 4**order), each row of contexts up to a factor of its own.
    """
    length = max(len(row.bases) for row in rows)
    # Behind its end a row is hidden: what follows has probability 1, whatever it is.
    allowed = np.ones((len(rows), length, 4), dtype=bool)
    for i, row in enumerate(rows):
        visible = np.flatnonzero(~row.hidden)
        allowed[i, visible] = np.eye(4, dtype=bool)[row.bases[visible]]
    forward = np.empty((length + 1, len(rows), len(chain.start)))
    forward[0] = chain.start
    for place in range(length):
        states = chain.step(forward[place], allowed[:, place])
        forward[place + 1] = states / states.sum(axis=1, keepdims=True)
    backward = np.empty_like(forward)
    backward[length] = 1.0
    for place in range(length - 1, -1, -1):
        weights = chain.step_back(backward[place + 1], allowed[:, place])
        backward[place] = weights / weights.max(axis=1, keepdims=True)
    return forward, backward


def _words(chain: MarkovChain, before: Floats, behind: Floats, length: int) -> Floats:
    """Return the probabilities of all words between weights in front and behind.

    Args:
        chain: The chain.
        before: Weight of each context in front of the word, (targets, 4**order).
        behind: Weight of what follows, given each context at its end, (targets, 4**order).
        length: Bases of the word.

    Returns:
        By number of the word in base 4, the last base fastest, (targets, 4**length).
    """
    targets, contexts = before.shape
    # An index is a number in base 4: what is remembered of the context, then the word.
    weights = before
    for done in range(length):
        recent = np.arange(weights.shape[1]) % contexts
        weights = (weights[:, :, None] * chain.next[recent]).reshape(targets, -1)
        if done < chain.order:  # forget the oldest base of the context
            weights = weights.reshape(targets, 4, -1).sum(axis=1)
    recent = np.arange(weights.shape[1]) % contexts
    joint = (weights * behind[:, recent]).reshape(targets, -1, 4**length).sum(axis=1)
    probabilities: Floats = joint / joint.sum(axis=1, keepdims=True)
    return probabilities


def _number(bases: NDArray[np.uint8]) -> int:
    number = 0
    for base in bases:
        number = 4 * number + int(base)
    return number

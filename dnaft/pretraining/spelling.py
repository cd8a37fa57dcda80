"""Embeddings that begin with how their tokens are spelt."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from dnaft.pretraining.dna_tokens import DnaTokens

# Letters from either end that count one by one; what lies between counts by its composition.
_ENDS = 6
# Letters at the ends meet the neighbours; each further one weighs this much less.
_INWARD = 0.8
# Deviation of what tells apart tokens whose middle is not counted, by that of the letters.
_MIDDLE = 0.5


def spell_embeddings(model: Any, dna: DnaTokens, seed: int, sized: bool = False) -> None:
    """Give the tokens that spell several bases embeddings that say which (`spelled_embeddings`).

    Single bases keep their random embeddings: there is nothing that they share.

    Args:
        model: A language model of transformers with random weights; changed in place. Its output
            weights follow where they are tied to the embeddings.
        dna: The tokens that spell bases.
        seed: Seed of the directions.
        sized: Whether all embeddings get a deviation of 1 / sqrt(width), with which the logits of
            normalised states have variance one. The usual .02 does so for a width of 2,500; a
            small model takes thousands of steps to be as sure of a letter as its text is.
    """
    if all(len(word) == 1 for word in dna.words):
        return
    weight: Tensor = model.get_input_embeddings().weight
    ids = torch.from_numpy(dna.ids)
    with torch.no_grad():
        std = float(weight[ids].std())
        if sized:
            weight.mul_(weight.shape[1] ** -0.5 / std)
            std = weight.shape[1] ** -0.5
        weight[ids] = spelled_embeddings(dna.words, weight.shape[1], std, seed)


def spelled_embeddings(
    words: Sequence[str], width: int, std: float, seed: int
) -> Float[Tensor, "words width"]:
    """Return random rows in which tokens of like letters are alike.

    With thousands of tokens of several bases, a model of random embeddings has to learn for each
    token by itself that its last letter is an A. Here a row is a sum of random directions, one for
    each letter at each of the first and last six places, for each length, and for each base by its
    share. Tokens of more than twelve letters have a direction of their own besides: their middle is
    not counted. Where output weights are tied to these rows, what is learnt about one token's
    letters holds for all tokens at once, as in embeddings from characters (Bojanowski et al. 2017,
    arXiv:1607.04606).

    Args:
        words: Letters of the tokens, A, C, G and T alone.
        width: Columns.
        std: Standard deviation of the values.
        seed: Seed of the directions; the global random state is left alone.
    """
    index = {base: i for i, base in enumerate("ACGT")}
    longest = max(len(word) for word in words)
    features = torch.zeros(len(words), 2 * _ENDS * 4 + longest + 4)
    for row, word in enumerate(words):
        for place in range(min(_ENDS, len(word))):
            weight = _INWARD**place
            features[row, 4 * place + index[word[place]]] = weight
            features[row, 4 * (_ENDS + place) + index[word[-1 - place]]] = weight
        features[row, 8 * _ENDS + len(word) - 1] = 1
        for base, i in index.items():
            features[row, 8 * _ENDS + longest + i] = word.count(base) / len(word)
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(features.shape[1], width, generator=generator)
    spelled = (features - features.mean(dim=0)) @ directions
    uncounted = torch.tensor([[len(word) > 2 * _ENDS] for word in words])
    own = torch.randn(len(words), width, generator=generator) * uncounted
    spelled = spelled + _MIDDLE * spelled.std() * own
    scaled: Tensor = spelled * (std / spelled.std())
    return scaled

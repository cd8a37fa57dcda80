"""Attention that begins local, and by codons, where positions are learnt."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

# The table of learnt positions in BERT and its kin.
_TABLE = "position_embeddings"
# Wavelengths rise from 2 pi tokens to this many times as much.
_LONGEST = 100.0
# Positions weigh this much more than tokens in the sum of embeddings.
_POSITIONS = 2.0
_SHARE = _POSITIONS**2 / (1 + _POSITIONS**2)  # of positions in the normalised embeddings
# By so much the logit of the offset of a head stands above the mean of a row, about.
_PEAK = 12.8
# One head of so many sees every third place alike, where tokens begin at each base.
_HEADS_BY_CODON = 4
# By so much its logit of those places stands above the mean of a row, about.
_CODON_PEAK = 4.0


def localise_attention(model: Any, roles: Mapping[str, str | None], codons: bool) -> bool:
    """Let each head begin by looking at one place beside each token, or at every third place.

    With independent random positions attention begins even over the whole row, and what a
    neighbour could tell is lost among hundreds of tokens: overlapping k-mers, which neighbours
    spell almost whole, then take very long to be read. Here positions begin as sinusoids (Vaswani
    et al. 2017, Section 3.5), of which one linear map takes each to the next: queries begin by
    reading the shorter waves of their position, keys those of the position that sees them at the
    offset of the head. The heads of a layer look 1 to the left, 1 to the right, 2 to the left and
    so on. (Queries and keys that begin as like matrices, so that attention begins at the
    token itself, are from Trockman & Kolter 2023, arXiv:2305.09828.)

    Bases in genes are spent differently at the three places of a codon, and where a codon begins
    is told by all of the row, but each place of it little: local heads do not find it. So where
    tokens begin at each base, the last wave of the positions is three tokens long, and a quarter
    of the heads begin by reading it alone: they see what lies whole codons away, near or far.

    All of it trains as ever. What only a whole row tells otherwise, such as its composition, is
    learnt later this way.

    Args:
        model: A language model of transformers with random weights; changed in place.
        roles: Paths of its matrices by role, as in conf/model; `q` and `k` count.
        codons: Whether a token begins at each base.

    Returns:
        Whether it has learnt positions.
    """
    tables = [
        module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and name.rpartition(".")[2] == _TABLE
    ]
    if not tables:
        return False
    heads = model.config.num_attention_heads
    by_codon = heads // _HEADS_BY_CODON if codons else 0
    with torch.no_grad():
        words = model.get_input_embeddings().weight.std()
        for table in tables:
            count, width = table.shape
            waves = sinusoids(count, width, codons=by_codon > 0)
            table.copy_(waves * (_POSITIONS * words / waves.std()))
        for query, key in _pairs(model, roles):
            _look_away(query.weight, key.weight, heads, offsets(heads - by_codon))
            _look_by_codon(query.weight, key.weight, heads, by_codon)
    return True


def offsets(heads: int) -> list[int]:
    """Return where the heads of a layer begin to look: how far to the right, negative for left.

    >>> offsets(5)
    [-1, 1, -2, 2, -3]
    """
    return [(head // 2 + 1) * (-1) ** (head + 1) for head in range(heads)]


def sinusoids(count: int, width: int, codons: bool = False) -> Float[Tensor, "count width"]:
    """Return sines and cosines of geometrically rising wavelengths.

    The product of two rows depends on their distance alone, and one linear map takes every row to
    that of the next position.

    Args:
        count: Positions.
        width: Numbers a position.
        codons: Whether the last wave is three positions long.
    """
    frequencies = _frequencies(width)
    if codons:
        frequencies[-1] = 2 * math.pi / 3
    angles = torch.arange(count)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def _frequencies(width: int) -> Tensor:
    return _LONGEST ** (-torch.arange(0, width, 2) / width)


def _look_away(
    query: Float[Tensor, "width width"],
    key: Float[Tensor, "width width"],
    heads: int,
    places: Sequence[int],
) -> None:
    """Add to matrices of queries and keys what makes the first heads look at their offsets."""
    width, size = query.shape[1], query.shape[0] // heads
    waves = min(size // 2, width // 4)
    if waves == 0:
        return
    wave = torch.arange(waves) * (width // 4 // waves)
    sine, cosine = 2 * wave, 2 * wave + 1
    gain = (_PEAK * size**0.5 / (2 * _SHARE * waves)) ** 0.5
    for head, offset in enumerate(places):
        row = head * size + 2 * torch.arange(waves)
        angle = offset * _frequencies(width)[wave]
        query[row, sine] += gain
        query[row + 1, cosine] += gain
        # The waves of the position that lies `offset` to the left: the angles' difference.
        key[row, sine] += gain * angle.cos()
        key[row, cosine] -= gain * angle.sin()
        key[row + 1, sine] += gain * angle.sin()
        key[row + 1, cosine] += gain * angle.cos()


def _look_by_codon(
    query: Float[Tensor, "width width"], key: Float[Tensor, "width width"], heads: int, count: int
) -> None:
    """Add to matrices of queries and keys what makes the last heads look at every third place."""
    width, size = query.shape[1], query.shape[0] // heads
    gain = (_CODON_PEAK * size**0.5 / (2 * _SHARE)) ** 0.5
    for head in range(heads - count, heads):
        for matrix in (query, key):
            matrix[head * size, width - 2] += gain
            matrix[head * size + 1, width - 1] += gain


def _pairs(model: Any, roles: Mapping[str, str | None]) -> Iterator[tuple[nn.Linear, nn.Linear]]:
    """Yield the matrices of queries and keys of each layer."""
    query, key = roles.get("q"), roles.get("k")
    if query is None or key is None:
        return
    for layer in range(model.config.num_hidden_layers):
        first, second = (
            model.base_model.get_submodule(path.format(layer=layer)) for path in (query, key)
        )
        yield first, second

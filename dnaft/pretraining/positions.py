"""Attention that begins local, where positions are learnt."""

from collections.abc import Iterator, Mapping
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
# By so much the logit of the offset of a head stands above the mean of a row, about.
_PEAK = 12.8


def localise_attention(model: Any, roles: Mapping[str, str | None]) -> bool:
    """Let each head begin by looking at one place beside each token (`local_attention`).

    With independent random positions attention begins even over the whole row, and what a
    neighbour could tell is lost among hundreds of tokens: overlapping k-mers, which neighbours
    spell almost whole, then take very long to be read. Here positions begin as sinusoids (Vaswani
    et al. 2017, Section 3.5), of which one linear map takes each to the next: queries begin by
    reading the shorter waves of their position, keys those of the position that sees them at the
    offset of the head. The heads of a layer look 1 to the left, 1 to the right, 2 to the left and
    so on. (Queries and keys that begin as like matrices, so that attention begins at the
    token itself, are from Trockman & Kolter 2023, arXiv:2305.09828.) All of it trains as ever. What
    only a whole row tells, such as its composition, is learnt later this way.

    Args:
        model: A language model of transformers with random weights; changed in place.
        roles: Paths of its matrices by role, as in conf/model; `q` and `k` count.

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
    with torch.no_grad():
        words = model.get_input_embeddings().weight.std()
        for table in tables:
            waves = sinusoids(*table.shape)
            table.copy_(waves * (_POSITIONS * words / waves.std()))
        for query, key in _pairs(model, roles):
            _look_away(query.weight, key.weight, model.config.num_attention_heads)
    return True


def offsets(heads: int) -> list[int]:
    """Return where the heads of a layer begin to look: how far to the right, negative for left.

    >>> offsets(5)
    [-1, 1, -2, 2, -3]
    """
    return [(head // 2 + 1) * (-1) ** (head + 1) for head in range(heads)]


def sinusoids(count: int, width: int) -> Float[Tensor, "count width"]:
    """Return sines and cosines of geometrically rising wavelengths.

    The product of two rows depends on their distance alone, and one linear map takes every row to
    that of the next position.

    Args:
        count: Positions.
        width: Numbers a position.
    """
    angles = torch.arange(count)[:, None] * _frequencies(width)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def _frequencies(width: int) -> Tensor:
    return _LONGEST ** (-torch.arange(0, width, 2) / width)


def _look_away(
    query: Float[Tensor, "width width"], key: Float[Tensor, "width width"], heads: int
) -> None:
    """Add to matrices of queries and keys what makes each head look at its offset."""
    width, size = query.shape[1], query.shape[0] // heads
    waves = min(size // 2, width // 4)
    if waves == 0:
        return
    wave = torch.arange(waves) * (width // 4 // waves)
    sine, cosine = 2 * wave, 2 * wave + 1
    share = _POSITIONS**2 / (1 + _POSITIONS**2)  # of positions in the normalised embeddings
    gain = (_PEAK * size**0.5 / (2 * share * waves)) ** 0.5
    for head, offset in enumerate(offsets(heads)):
        row = head * size + 2 * torch.arange(waves)
        angle = offset * _frequencies(width)[wave]
        query[row, sine] += gain
        query[row + 1, cosine] += gain
        # The waves of the position that lies `offset` to the left: the angles' difference.
        key[row, sine] += gain * angle.cos()
        key[row, cosine] -= gain * angle.sin()
        key[row + 1, sine] += gain * angle.sin()
        key[row + 1, cosine] += gain * angle.cos()


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

"""Attention with linear biases: the nearer a key, the less is taken off its score."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def alibi_slopes(heads: int) -> list[float]:
    """Return the slope of each head (Press et al. 2022, arXiv:2108.12409, section 3).

    For n heads, n a power of two, the geometric series 2^(-8/n), 2^(-16/n), ... Otherwise the
    series of the largest power of two below n, and behind it every second slope of the series for
    twice that number, as the paper's authors do. Rounded to float32, in which the published models
    were trained.

    >>> alibi_slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> alibi_slopes(3)
    [0.0625, 0.00390625, 0.25]

    Raises:
        ValueError: If there are no heads.
    """
    if heads < 1:
        raise ValueError(f"alibi_slopes: heads must be 1 or more, got {heads}")
    base = 2 ** int(math.log2(heads))
    slopes = _series(base) + _series(2 * base)[::2][: heads - base]
    return torch.tensor(slopes, dtype=torch.float32).tolist()


def alibi_bias(
    slopes: Sequence[float], tokens: int, like: Tensor, one_sided: bool = False
) -> Float[Tensor, "1 heads {tokens} {tokens}"]:
    """Return -slope * |i - j| for each head and each two positions of a row.

    Symmetric, as an encoder looks both ways (MosaicBERT, arXiv:2312.17482): to such a head, what
    stands left of a token and what stands right of it are the same.

    Args:
        slopes: One a head, as of `alibi_slopes`.
        tokens: Length of the padded rows.
        like: A tensor with the dtype and device of the result.
        one_sided: Whether the first half of the heads sees a token and what stands left of it
            alone, the second half a token and what stands right of it. The rest has -inf.
    """
    place = torch.arange(tokens, device=like.device)
    offset = place[None, :] - place[:, None]
    # Distances in float32 at least: bfloat16 counts in twos above 256.
    exact = torch.promote_types(like.dtype, torch.float32)
    bias = -torch.tensor(slopes, dtype=exact, device=like.device)[:, None, None] * offset.abs()
    if one_sided:
        half = len(slopes) // 2
        bias[:half].masked_fill_(offset > 0, -math.inf)
        bias[half:].masked_fill_(offset < 0, -math.inf)
    return bias.to(like.dtype)[None]


def _series(heads: int) -> list[float]:
    return [2 ** (-8 * (i + 1) / heads) for i in range(heads)]

"""Rotary positions: queries and keys turn with their place, so that scores know distances.

Su et al. 2021 (arXiv:2104.09864), in the half-split form of GPT-NeoX and ESM-2: the pairs are
(x_i, x_{i + d/2}), not neighbours.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def inverse_frequencies(head_size: int) -> list[float]:
    """Return the angle that each pair of a head turns by from one position to the next.

    10000^(-2i/d), i = 0 .. d/2 - 1 (arXiv:2104.09864, section 3.2.2), computed in float32 as the
    published models were: up to 1.5e-6 away from the exact values, whatever the model's own type.
    """
    exponents = torch.arange(0, head_size, 2, dtype=torch.float32, device="cpu") / head_size
    frequencies: list[float] = (1.0 / 10000**exponents).tolist()
    return frequencies


def rotation(head_size: int, tokens: int, like: Tensor) -> Float[Tensor, "2 tokens half"]:
    """Return cosine and sine of each position's angles, in float32 or wider.

    Nothing is kept between calls: no buffer that a change of type could round or a loader forget.

    Args:
        head_size: Width of a head.
        tokens: Length of the padded rows; positions count from their left end.
        like: A tensor on the same device, no wider than the result.
    """
    wide = torch.promote_types(like.dtype, torch.float32)
    frequencies = torch.tensor(inverse_frequencies(head_size), dtype=wide, device=like.device)
    angles = torch.outer(torch.arange(tokens, dtype=wide, device=like.device), frequencies)
    return torch.stack((angles.cos(), angles.sin()))


def rotate(
    x: Float[Tensor, "batch heads tokens size"], turn: Float[Tensor, "2 tokens half"]
) -> Float[Tensor, "batch heads tokens size"]:
    """Turn each pair (x_i, x_{i + size/2}) by its angle at its position."""
    cosine, sine = turn
    first, second = x.to(turn.dtype).chunk(2, dim=-1)
    turned = (first * cosine - second * sine, second * cosine + first * sine)
    return torch.cat(turned, dim=-1).to(x.dtype)

"""Dropout that draws its mask quickly on a CPU; on other devices it is torch's own."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

_LEVELS = 2**16  # of a lane, a quarter of one 64-bit number of the generator
_LOWEST = -(2**15)
# Returns where entries of a shape are dropped, each with a probability, on a device.
Draw = Callable[[Sequence[int], float, torch.device], Bool[Tensor, "..."]]


def draw_dropped(
    shape: Sequence[int], probability: float, device: torch.device
) -> Bool[Tensor, "..."]:
    """Return where entries are dropped, each by itself.

    torch's Bernoulli draws on a CPU take one call of the generator an entry. Here each 64-bit
    number serves four: its quarters are compared with the probability in steps of 2^-16, so what is
    drawn misses the wanted probability by 2^-17 or less.

    Args:
        shape: Of what is dropped.
        probability: Of each entry to be dropped, in [0, 1].
        device: Where the mask is needed. The numbers come from torch's global generator there.
    """
    if device.type != "cpu":
        return draw_each(shape, probability, device)
    count = math.prod(shape)
    numbers = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    return lowest_lanes(numbers, probability)[:count].view(*shape)


def draw_each(
    shape: Sequence[int], probability: float, device: torch.device
) -> Bool[Tensor, "..."]:
    """Return where entries are dropped, one random number an entry, as torch does."""
    return torch.empty(shape, dtype=torch.bool, device=device).bernoulli_(probability)


def lowest_lanes(numbers: Int[Tensor, " n"], probability: float) -> Bool[Tensor, " 4*n"]:
    """Mark the quarters of 64-bit numbers that lie in the lowest part of their range.

    Args:
        numbers: 64-bit integers.
        probability: The part, rounded to a multiple of 2^-16.
    """
    lanes = numbers.view(torch.int16)
    levels = round(probability * _LEVELS)
    if levels == 0:
        return torch.zeros_like(lanes, dtype=torch.bool)
    return lanes <= _LOWEST + levels - 1


def drop(x: Tensor, dropped: Bool[Tensor, "..."] | None) -> Tensor:
    """Return `x` with zeros where entries are dropped, as many as it has; `x` itself for None."""
    # On a CPU `where` takes half the time of `masked_fill`.
    return x if dropped is None else torch.where(dropped.view(x.shape), 0.0, x)


class QuickDropout(nn.Dropout):
    """`nn.Dropout` with the mask of `draw_dropped` while it trains on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with entries set to 0 and the others divided by 1 - p."""
        if not self.training or input.device.type != "cpu" or not 0 < self.p < 1:
            return super().forward(input)
        dropped = draw_dropped(input.shape, self.p, input.device)
        result: Tensor = _Drop.apply(  # type: ignore[no-untyped-call]
            input, dropped, 1 / (1 - self.p)
        )
        return result


def drawing_of(dropout: nn.Module) -> Draw:
    """Return how a module draws: `draw_dropped` of a `QuickDropout`, else `draw_each`."""
    return draw_dropped if isinstance(dropout, QuickDropout) else draw_each


def quicken_dropout(module: nn.Module) -> int:
    """Let every `nn.Dropout` in a model draw as `QuickDropout` does; return how many changed.

    Classes that are derived from it, and those that work in place, stay as they are.
    """
    changed = 0
    for part in module.modules():
        if type(part) is nn.Dropout and not part.inplace:
            part.__class__ = QuickDropout
            changed += 1
    return changed


class _Drop(torch.autograd.Function):
    """Keeps a byte an entry for the backward pass; torch keeps a number of the input's dtype."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: Tensor, factor: float) -> Tensor:
        ctx.save_for_backward(dropped)
        ctx.factor = factor
        return drop(x, dropped).mul_(factor)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (dropped,) = ctx.saved_tensors
        return drop(grad, dropped) * ctx.factor, None, None

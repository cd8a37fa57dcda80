"""One frozen matrix under the low-rank updates of several runs, with hand-written gradients."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from dnaft.dropout import Draw, draw_dropped, drop


def slot_linear(
    x: Float[Tensor, "slots rows d_in"],
    weight: Float[Tensor, "d_out d_in"],
    bias: Float[Tensor, " d_out"] | None,
    right: Float[Tensor, "slots r d_in"],
    left: Float[Tensor, "slots r d_out"],
    scales: Float[Tensor, "slots 1 1"],
    dropout: float = 0.0,
    draw: Draw = draw_dropped,
) -> Float[Tensor, "slots rows d_out"]:
    """Return W x + s_k B_k A_k D x + b for the rows x of each slot k, D dropping entries of x.

    What `adapted_linear` computes for one run, for several: the frozen matrix multiplies all rows
    at once, the update of a slot its own rows. A slot of lower rank than others is filled up with
    zeros, which add nothing and get no gradient. `weight` and `bias` get no gradient; there are no
    second derivatives.

    Args:
        x: Input, in the dtype of all other tensors but `scales`, which may be wider.
        weight: W, frozen.
        bias: b, frozen; or none.
        right: A of each slot.
        left: B of each slot, transposed.
        scales: s of each slot.
        dropout: Probability that an entry of x is zero for A; the others are divided by 1 - p.
        draw: Draws which entries.
    """
    dropped = draw(x.shape, dropout, x.device) if dropout > 0 else None
    factors = scales / (1 - dropout) if dropout > 0 else scales
    result: Tensor = _SlotLinear.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, right, left, factors, dropped
    )
    return result


class _SlotLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        right: Tensor,
        left: Tensor,
        factors: Tensor,
        dropped: Bool[Tensor, "slots rows d_in"] | None,
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[2])
        out = rows @ weight.T if bias is None else torch.addmm(bias, rows, weight.T)
        out = out.view(*x.shape[:2], -1)
        # A side of r comes first, see adapted_linear.
        inner = torch.bmm(right, drop(x, dropped).mT).mul_(factors)  # (slots, r, rows)
        out.baddbmm_(inner.mT, left)
        ctx.save_for_backward(x, weight, right, left, factors, inner, dropped)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, right, left, factors, inner, dropped = ctx.saved_tensors
        of_left = torch.bmm(inner, grad)
        of_inner = torch.bmm(left, grad.mT).mul_(factors)  # (slots, r, rows)
        of_right = torch.bmm(of_inner, drop(x, dropped))
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = (grad.reshape(-1, grad.shape[2]) @ weight).view(x.shape)
            if dropped is None:
                of_x.baddbmm_(of_inner.mT, right)
            else:
                of_x.add_(drop(torch.bmm(of_inner.mT, right), dropped))
        return of_x, None, None, of_right, of_left, None, None

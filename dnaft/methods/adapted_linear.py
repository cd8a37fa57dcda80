"""A frozen matrix and its low-rank update as one operation, with hand-written gradients.

Autograd keeps the result of each step of W x + s B A x, and passes over all rows once for every sum
and every scale. Here the update is added into the product of the frozen matrix; of each row only
the input and the r numbers A x are kept. Products with a side of r have r rows, [r, in] [in, rows],
which BLAS computes several times faster than [rows, in] [in, r].
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from dnaft.dropout import Draw, draw_dropped, drop


def adapted_linear(
    x: Float[Tensor, "*rows d_in"],
    weight: Float[Tensor, "d_out d_in"],
    bias: Float[Tensor, " d_out"] | None,
    right: Float[Tensor, "r d_in"],
    left: Float[Tensor, "d_out r"],
    scale: float,
    dropout: float = 0.0,
    magnitude: Float[Tensor, " d_out"] | None = None,
    draw: Draw = draw_dropped,
) -> Float[Tensor, "*rows d_out"]:
    """Return m * (W x + s B A D x) + b, D dropping entries of x; * row by row of the matrix.

    LoRA (arXiv:2106.09685, Section 4.1) with A = `right` and B = `left`; AdaLoRA (arXiv:2303.10512,
    Eq. 3) with `right` = diag(lambda) Q; DoRA (arXiv:2402.09353, Eq. 5) with m the magnitude over
    the norm of the updated rows. `weight` and `bias` get no gradient; there are no second
    derivatives.

    Args:
        x: Input, in the dtype of all other tensors but `magnitude`, which may be wider.
        weight: W, frozen.
        bias: b, frozen; or none.
        right: A.
        left: B.
        scale: s.
        dropout: Probability that an entry of x is zero for A; the others are divided by 1 - p.
        magnitude: m; 1 if none.
        draw: Draws which entries.
    """
    dropped = draw(x.shape, dropout, x.device) if dropout > 0 else None
    result: Tensor = _AdaptedLinear.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, right, left, magnitude, scale, dropped, dropout
    )
    return result


class _AdaptedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        right: Tensor,
        left: Tensor,
        magnitude: Tensor | None,
        scale: float,
        dropped: Bool[Tensor, "*rows d_in"] | None,
        dropout: float,
    ) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        seen = drop(rows, dropped)
        inner = right @ seen.T  # (r, rows)
        factor = scale / (1 - dropout)
        if magnitude is None and bias is not None:
            out = torch.addmm(bias, rows, weight.T)
        else:
            out = rows @ weight.T
        out.addmm_(inner.T, left.T, alpha=factor)
        unscaled = None
        if magnitude is not None:
            unscaled = out
            out = out * magnitude
            if bias is not None:
                out += bias
            out = out.to(unscaled.dtype)
        ctx.save_for_backward(rows, weight, right, left, inner, magnitude, unscaled, dropped)
        ctx.factor, ctx.shape = factor, x.shape
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, right, left, inner, magnitude, unscaled, dropped = ctx.saved_tensors
        of_x = of_magnitude = None
        grad = grad.reshape(-1, grad.shape[-1])
        if magnitude is not None:
            of_magnitude = (grad * unscaled).sum(dim=0, dtype=magnitude.dtype)
            grad = (grad * magnitude).to(unscaled.dtype)
        of_inner = left.T @ grad.T  # (r, rows)
        of_left = (inner @ grad).T * ctx.factor
        of_right = (of_inner @ drop(rows, dropped)) * ctx.factor
        if ctx.needs_input_grad[0]:
            of_x = grad @ weight
            if dropped is None:
                of_x.addmm_(of_inner.T, right, alpha=ctx.factor)
            else:
                of_x.add_(drop(of_inner.T @ right, dropped), alpha=ctx.factor)
            of_x = of_x.view(ctx.shape)
        return of_x, None, None, of_right, of_left, of_magnitude, None, None, None

"""One adapted matrix with the adapters of several runs, parts of one tensor."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from dnaft.dropout import drawing_of
from dnaft.methods.fuse import adapter_parts, computing_dtype
from dnaft.methods.slot_linear import slot_linear


class CannotShareError(Exception):
    """A model cannot be trained in one pass with others; the text says why."""


class SlotLayer(nn.Module):
    """An adapted matrix with one adapter a slot.

    Args:
        copied: The layer of the shared model whose place it takes.
        layer: The same layer of a run.
    """

    def __init__(self, copied: Any, layer: Any) -> None:
        super().__init__()
        self.base = copied.get_base_layer()
        self.kind = type(layer)
        dropout = adapter_parts(layer).dropout
        self.dropout = float(getattr(dropout, "p", 0.0))
        self.draw = drawing_of(dropout)
        self.lines = 0
        self._stacks: list[_Stack] = []

    def take(self, layers: Sequence[Any]) -> None:
        """Stack the parameters of one layer a slot."""
        parts = [adapter_parts(layer) for layer in layers]
        rank = max(len(part.right) for part in parts)
        self._right = _Stack([part.right for part in parts], rank)
        self._left = _Stack([part.left for part in parts], rank, transposed=True)
        self._stacks = [self._right, self._left]
        values = [part.values for part in parts if part.values is not None]
        self._values = _Stack(values, rank) if values else None
        if self._values is not None:
            self._stacks.append(self._values)
        weight = self.base.weight
        # In a narrow dtype alpha / sqrt(rank) would be another number.
        dtype = torch.promote_types(weight.dtype, torch.float32)
        scales = torch.tensor([part.scale for part in parts], dtype=dtype, device=weight.device)
        self._scales = scales.view(-1, 1, 1)

    def is_current(self) -> bool:
        """Whether the runs' parameters still are the parts of the stacked tensors."""
        return all(stack.is_current() for stack in self._stacks)

    def hand_out_gradients(self) -> None:
        """Add the gradients of the stacked tensors to those of their parts."""
        for stack in self._stacks:
            stack.hand_out_gradients()

    def forward(self, x: Tensor) -> Tensor:
        """Return W x + b and the update of each row's own slot."""
        whole = x.shape[0] == self.lines or (x.dim() == 2 and x.shape[0] % self.lines == 0)
        if not whole:
            raise CannotShareError(f"a layer is handed {tuple(x.shape)} for {self.lines} rows")
        dtype = computing_dtype(x, self.base.weight)
        right = self._right.tensor
        if self._values is not None:
            right = right * self._values.tensor
        bias = None if self.base.bias is None else self.base.bias.to(dtype)
        out = slot_linear(
            x.to(dtype).reshape(len(right), -1, x.shape[-1]),
            self.base.weight.to(dtype),
            bias,
            right.to(dtype),
            self._left.tensor.to(dtype),
            self._scales,
            self.dropout,
            self.draw,
        )
        return out.view(*x.shape[:-1], -1)


class _Stack:
    """One tensor, (slots, rank, width), whose parts are parameters of several runs."""

    def __init__(self, parts: Sequence[Parameter], rank: int, transposed: bool = False) -> None:
        self._transposed = transposed
        first = self._turn(parts[0].data)
        stacked = first.new_zeros(len(parts), rank, first.shape[1])
        for slot, part in enumerate(parts):
            rows = self._turn(part.data)
            stacked[slot, : len(rows)] = rows
            part.data = self._turn(stacked[slot, : len(rows)])
        self._parts = [(part, part.data_ptr(), part.shape) for part in parts]
        self.tensor = stacked.requires_grad_()

    def is_current(self) -> bool:
        return all(p.data_ptr() == where and p.shape == shape for p, where, shape in self._parts)

    def hand_out_gradients(self) -> None:
        found, self.tensor.grad = self.tensor.grad, None
        if found is None:
            return
        for slot, (part, _, shape) in enumerate(self._parts):
            rank = shape[1] if self._transposed else shape[0]
            gradient = self._turn(found[slot, :rank])
            part.grad = gradient if part.grad is None else part.grad + gradient

    def _turn(self, tensor: Tensor) -> Tensor:
        return tensor.T if self._transposed else tensor

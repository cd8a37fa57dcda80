"""One matrix of a checkpoint as several linear maps, so that each can have its own adapter."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn


class SplitLinear(nn.Module):
    """Linear maps of one input that a checkpoint stores on top of each other.

    A fused matrix takes one adapter of one rank. Here each part is an `nn.Linear` of its own: q, k
    and v get ranks of their own, as in LINGO (arXiv:2402.08075), which prunes them separately. Both
    forms of a state dict can be loaded, `weight` (parts * out, in) and `<part>.weight`.

    Args:
        in_features: Width of the input.
        out_features: Width of each output.
        parts: Names of the maps, in the order of the stored matrix.
        bias: Whether the maps have biases.
    """

    def __init__(
        self, in_features: int, out_features: int, parts: tuple[str, ...], bias: bool = True
    ) -> None:
        super().__init__()
        self.parts = parts
        for part in parts:
            self.add_module(part, nn.Linear(in_features, out_features, bias=bias))
        self.register_load_state_dict_pre_hook(_split_stored)

    def forward(self, x: Float[Tensor, "... d_in"]) -> tuple[Float[Tensor, "... d_out"], ...]:
        """Return the output of each part, in order."""
        return tuple(self.get_submodule(part)(x) for part in self.parts)


def _split_stored(module: SplitLinear, state: dict[str, Any], prefix: str, *_: object) -> None:
    for kind in ("weight", "bias"):
        stored = state.pop(prefix + kind, None)
        if stored is not None:
            for part, piece in zip(module.parts, stored.chunk(len(module.parts)), strict=True):
                state[f"{prefix}{part}.{kind}"] = piece

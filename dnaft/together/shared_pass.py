"""One forward and one backward pass of the frozen model for the batches of several runs."""

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dnaft.errors import InputError
from dnaft.methods.slot_layer import CannotShareError
from dnaft.methods.slots import SlotTrunk
from dnaft.models.backbone import Backbone

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Forward:
    """A batch that a run wants the hidden states of.

    Attributes:
        ids: Token ids, (rows, tokens).
        mask: 1 at tokens, 0 at padding.
        types: Token types, of pairs.
        autocast: The dtype of mixed precision, None for none.
        pad_id: What ids are filled up with.
    """

    ids: Tensor
    mask: Tensor
    types: Tensor | None
    autocast: torch.dtype | None
    pad_id: int


@dataclass(frozen=True)
class Backward:
    """The gradient of a run's loss by its hidden states, (rows, tokens, hidden); None for zero."""

    gradient: Tensor | None


class SharedPass:
    """Answers runs that wait with their batches, and later with their gradients.

    Attributes:
        backbones: The models that take part, by the number of their run.
    """

    def __init__(self) -> None:
        self.backbones: dict[int, Backbone] = {}
        self._trunk: SlotTrunk | None = None
        self._hidden: Tensor | None = None
        self._places: dict[int, tuple[slice, slice]] = {}

    def join(self, number: int, backbone: Backbone) -> None:
        """Let a run take part from now on; its frozen weights are then those of the others.

        Raises:
            CannotShareError: If its model cannot be trained together with the others.
        """
        trunk = self._trunk or SlotTrunk(backbone)
        trunk.admit(backbone)
        self._trunk = trunk
        self.backbones[number] = backbone

    def leave(self, number: int) -> None:
        """Let a run go; what it trained is its own again."""
        backbone = self.backbones.pop(number, None)
        if backbone is not None:
            for parameter in backbone.parameters():
                if parameter.requires_grad:
                    parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
        if self._trunk is not None:
            self._trunk.clear()
        if not self.backbones:
            self._trunk = self._hidden = None

    def answer(self, requests: Mapping[int, Any]) -> Mapping[int, Any]:
        """Answer all gradients, or if there are none, all batches.

        Returns:
            By number: for a batch its hidden states, a leaf that wants a gradient, and the number
            of runs in the pass; None if the run is to compute them by itself. For a gradient None.

        Raises:
            InputError: If the GPU has not enough memory.
        """
        try:
            found = {n: r for n, r in requests.items() if isinstance(r, Backward)}
            if found:
                self._backward(found)
                return dict.fromkeys(found)
            if len(requests) == 1 or self._trunk is None:
                return dict.fromkeys(requests)
            return self._forward(self._trunk, dict(sorted(requests.items())))
        except CannotShareError as reason:
            log.info("runs are trained one by one: %s", reason)
            return dict.fromkeys(requests)
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"hydra.launcher.together: the batches of {len(self.backbones)} runs do not fit "
                "into the memory of the GPU together; take fewer, and the same command goes on"
            ) from error

    def _forward(self, trunk: SlotTrunk, requests: dict[int, Forward]) -> dict[int, Any]:
        lines = max(len(request.ids) for request in requests.values())
        tokens = max(request.ids.shape[1] for request in requests.values())
        self._places = {
            number: (
                slice(slot * lines, slot * lines + len(request.ids)),
                slice(request.ids.shape[1]),
            )
            for slot, (number, request) in enumerate(requests.items())
        }
        trunk.seat([self.backbones[number] for number in requests])
        asked = list(requests.values())
        ids = _stacked([(r.ids, r.pad_id) for r in asked], lines, tokens)
        mask = _stacked([(r.mask, 0) for r in asked], lines, tokens)
        types = [(r.types, 0) for r in asked if r.types is not None]
        of_pairs = _stacked(types, lines, tokens) if types else None
        dtype = asked[0].autocast
        mixed = nullcontext() if dtype is None else torch.autocast(ids.device.type, dtype)
        with torch.enable_grad(), mixed:
            hidden = trunk.encode(ids, mask, of_pairs)
        if hidden.shape[:2] != ids.shape:
            raise CannotShareError(f"{tuple(ids.shape)} tokens have {tuple(hidden.shape)} states")
        self._hidden = hidden
        parts = {n: hidden[place].detach().requires_grad_() for n, place in self._places.items()}
        return {number: (part, len(requests)) for number, part in parts.items()}

    def _backward(self, requests: Mapping[int, Backward]) -> None:
        hidden, self._hidden = self._hidden, None
        if hidden is None or self._trunk is None:
            return
        gradient = torch.zeros_like(hidden)
        for number, request in requests.items():
            if request.gradient is not None:
                gradient[self._places[number]] = request.gradient
        hidden.backward(gradient)
        self._trunk.hand_out_gradients()


def _stacked(parts: list[tuple[Tensor, int]], lines: int, tokens: int) -> Tensor:
    """Return matrices one below the other, each filled up to the same number of lines and columns.

    Lines are filled up with the first one: a line of padding alone would have no attention.
    """
    stacked = []
    for matrix, value in parts:
        missing = lines - len(matrix)
        whole = torch.cat([matrix, matrix[:1].expand(missing, -1)]) if missing else matrix
        more = tokens - matrix.shape[1]
        stacked.append(torch.nn.functional.pad(whole, (0, more), value=value) if more else whole)
    return torch.cat(stacked)

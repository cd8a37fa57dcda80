"""The place of a run among those that are trained together."""

from contextvars import ContextVar

import torch
from torch import Tensor

from dnaft.models.backbone import Backbone
from dnaft.together.shared_pass import Backward, Forward, SharedPass
from dnaft.together.turns import Worker

# In the thread of a run that is trained together with others.
SEAT: ContextVar["Seat | None"] = ContextVar("seat", default=None)


class Seat:
    """What a run has to do with the others.

    Args:
        number: Of the run among the others.
        worker: Waits for them.
        shared: The pass that they share.

    Attributes:
        most: The most runs that were in a pass with this one, itself included.
    """

    def __init__(self, number: int, worker: Worker, shared: SharedPass) -> None:
        self.most = 1
        self._number = number
        self._worker = worker
        self._shared = shared
        self._hidden: Tensor | None = None
        self._pad_id = 0

    def join(self, backbone: Backbone, pad_id: int) -> None:
        """Pass the training batches of a model through the frozen layers with those of others.

        Args:
            backbone: On its device, in training mode.
            pad_id: Token id of padding.

        Raises:
            CannotShareError: If it cannot be trained together with the others.
        """
        self._pad_id = pad_id
        self._shared.join(self._number, backbone)
        backbone.encode_with_others = self._encode

    def leave(self, backbone: Backbone) -> None:
        """Train on alone, or not at all."""
        backbone.encode_with_others = None
        self._shared.leave(self._number)

    def finish_backward(self) -> None:
        """Go on backward below the hidden states, when the gradient by them is known."""
        if self._hidden is not None:
            hidden, self._hidden = self._hidden, None
            self._worker.ask(Backward(hidden.grad))

    def check(self) -> None:
        """End this run if the process was interrupted."""
        self._worker.check()

    def _encode(self, ids: Tensor, mask: Tensor, types: Tensor | None) -> Tensor | None:
        device = ids.device.type
        mixed = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if mixed else None
        answer = self._worker.ask(Forward(ids, mask, types, dtype, self._pad_id))
        if answer is None:
            return None
        self._hidden, runs = answer
        self.most = max(self.most, runs)
        return self._hidden

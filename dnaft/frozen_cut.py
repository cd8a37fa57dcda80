"""Where a model can be cut: below, hidden states that never change; above, what trains."""

from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.rnn import pad_sequence

from dnaft.batch import Batch
from dnaft.data.loader import Collate, TokenDataset
from dnaft.data.tokens import TokenRows
from dnaft.methods.frozen import count_frozen_layers
from dnaft.models.backbone import Backbone
from dnaft.models.frozen_trunk import FrozenTrunk
from dnaft.models.pooling import pool_rows

# Largest difference of hidden states with other padding, as a share of the largest of them.
_ROUNDING = 1e-4


class CannotCutError(Exception):
    """The reason why a frozen part has to be computed in every epoch."""


class Cut:
    """A place in a model below which nothing trains and nothing is random.

    Args:
        backbone: Its `frozen_trunk` is set, if the cut lies between two layers.
        frozen: How many layers lie below; `backbone.layers` for all.

    Attributes:
        what: What is kept at the cut, in words.
        pooled: Whether it is one vector a row.
        learns: Whether `try_out` has to be called before all else: it learns what follows.
        stride: Tokens a place of the hidden states.
        width: Of the vectors.
    """

    def __init__(self, backbone: Backbone, frozen: int) -> None:
        self._backbone = backbone
        self._trunk: FrozenTrunk | None = None
        self.pooled = self.learns = False
        self.stride = 1
        self.width = backbone.hidden_size
        if frozen == backbone.layers:
            self.pooled = backbone.position_rank == 0
            self.what = f"pooled vectors ({backbone.pooling})" if self.pooled else "hidden states"
        else:
            self.learns = True
            names = backbone.layer_names[: frozen + 1]
            self._trunk = FrozenTrunk([backbone.model.get_submodule(name) for name in names])
            self.what = f"hidden states below layer {frozen + 1}"
        backbone.frozen_trunk = self._trunk

    def read(self, batch: Batch) -> Tensor:
        """Return what is kept of a batch: (rows, width), or (windows, places, width)."""
        ids, mask, types, windows, _ = batch.inputs
        if self._trunk is not None:
            return self._trunk.read(lambda: self._backbone.encode(ids, mask, types))
        hidden = self._backbone.encode(ids, mask, types)
        if not self.pooled:
            return hidden
        return pool_rows(hidden, mask, windows, self._backbone.pooling)

    def places(self, tokens: int) -> int:
        """Return how many places of the hidden states so many tokens have."""
        return -(-tokens // self.stride)

    def try_out(self, tokens: TokenRows, pad_id: int) -> None:
        """Make sure, with a few rows of unlike length, that the model can be cut here.

        Read one by one and put together they have to give what the model makes of them as a batch;
        in training mode too, without a draw of random numbers.

        Args:
            tokens: Rows, in windows or whole.
            pad_id: Fills up batches.

        Raises:
            CannotCutError: If that is not so.
        """
        try:
            self._try_out(tokens, pad_id)
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise CannotCutError(f"the model cannot be cut there ({error})") from error

    @torch.no_grad()
    def _try_out(self, tokens: TokenRows, pad_id: int) -> None:
        backbone = self._backbone
        device = next(backbone.parameters()).device
        lengths = tokens.longest_windows()
        chosen = sorted({0, len(lengths) - 1, int(lengths.argmin()), int(lengths.argmax())})
        rows = TokenDataset(tokens, torch.zeros(len(tokens)))
        collate = Collate(pad_id)
        batch: Batch = move_data_to_device(collate(rows.__getitems__(chosen)), device)
        alone = [self.read(move_data_to_device(collate(rows[row]), device)) for row in chosen]
        together = self.read(batch)
        if together.dtype != torch.float32:
            raise CannotCutError(f"its hidden states are {together.dtype}, not float32")
        self.width = together.shape[-1]
        if self.pooled:
            same = _agree(torch.cat(alone), together)
        else:
            self._find_stride(batch, together)
            same = self._gives_the_same(batch, alone)
        if not same:
            raise CannotCutError("other padding gives other hidden states")
        if self._trunk is not None:
            self._check_training(batch, together)

    def _find_stride(self, batch: Batch, states: Tensor) -> None:
        tokens = batch.input_ids.shape[1]
        self.stride = max(1, round(tokens / states.shape[1])) if states.dim() == 3 else 1
        if states.dim() != 3 or states.shape[:2] != (len(batch.input_ids), self.places(tokens)):
            raise CannotCutError("its layers do not take one vector a token")

    def _gives_the_same(self, batch: Batch, alone: list[Tensor]) -> bool:
        """Whether the model, on the states of rows read alone, gives what it gives for all."""
        ids, mask, types, _, _ = batch.inputs
        counts = [self.places(n) for n in mask.sum(dim=1).tolist()]
        windows = [window for states in alone for window in states]
        kept = [window[:count] for window, count in zip(windows, counts, strict=True)]
        states = pad_sequence(kept, batch_first=True)
        real = mask.bool()
        found = self._backbone.encode_on(states, ids, mask, types)[real]
        return _agree(found, self._backbone.encode(ids, mask, types)[real])

    def _check_training(self, batch: Batch, states: Tensor) -> None:
        """Refuse frozen layers that training changes or makes random: dropout, batch statistics."""
        backbone = self._backbone
        of_head = set(backbone.head.modules())
        if any(isinstance(m, _NormBase) and m not in of_head for m in backbone.model.modules()):
            raise CannotCutError("it has batch normalisation")
        before = _random_state(states.device)
        backbone.train()
        try:
            again = self.read(batch)
        finally:
            backbone.eval()
        after = _random_state(states.device)
        drawn = any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
        if drawn or not torch.equal(again, states):
            raise CannotCutError("its frozen layers have dropout, or another random part")


def find_cut(backbone: Backbone) -> Cut | None:
    """Return where the model can be cut, None if nothing below is worth keeping."""
    frozen = count_frozen_layers(backbone)
    return Cut(backbone, frozen) if frozen else None


def _agree(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape or not torch.isfinite(expected).all():
        return False
    return bool((found - expected).abs().max() <= _ROUNDING * expected.abs().max())


def _random_state(device: torch.device) -> list[Any]:
    on_device = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *on_device]

"""Which singular values are pruned, and what becomes of them."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.optim import Optimizer

from dnaft.ranks.compaction import remove_triplets
from dnaft.ranks.triplet import TripletGroup

Store = Literal["overwrite", "shadow"]


class PrunedValues:
    """The mask in force, and the values that it prunes.

    Args:
        groups: The adapted matrices.
        store: "overwrite" sets pruned values to 0, and they start from there when they come back;
            "shadow" keeps them aside and puts them back, with what they learned since.

    Attributes:
        mask: True where a value stays, all matrices in a row; None before the first mask.
    """

    def __init__(self, groups: Sequence[TripletGroup], store: Store) -> None:
        self.mask: Bool[Tensor, " triplets"] | None = None
        self._groups, self._store = groups, store
        self._shadow = [torch.zeros_like(group.values) for group in groups]

    @torch.no_grad()
    def redraw(self, mask: Bool[Tensor, " triplets"]) -> None:
        """Put a new mask in force: zero what it prunes, bring back what it keeps."""
        self.mask = mask
        if self._store == "shadow":
            for group, keep, shadow in zip(self._groups, self._parts(), self._shadow, strict=True):
                latent = group.values + shadow
                shadow.copy_(torch.where(keep, 0, latent))
                group.values.copy_(latent)
        self.hold()

    @torch.no_grad()
    def hold(self) -> None:
        """Zero again what the mask prunes, which training has moved."""
        for group, keep in zip(self._groups, self._parts(), strict=True):
            group.values.masked_fill_(~keep, 0)

    def remove(self, optimizers: Iterable[Optimizer]) -> int:
        """Take what the mask prunes out of model and optimisers; return how many triplets go.

        For the end: no other mask can be drawn over what is left.
        """
        if self.mask is None or bool(self.mask.all()):
            return 0
        before = self.mask.numel()
        remove_triplets(self._groups, self.mask, optimizers)
        self.mask = self.mask[self.mask]
        self._shadow = [torch.zeros_like(group.values) for group in self._groups]
        return before - self.mask.numel()

    def ranks(self) -> list[int]:
        """Return how many triplets of each matrix the mask keeps; all before the first mask."""
        return [int(keep.sum()) for keep in self._parts()]

    def state_dict(self) -> dict[str, Any]:
        """Return mask and values kept aside, for a checkpoint."""
        return {"mask": self.mask, "shadow": self._shadow}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        self.mask = state["mask"]
        self._shadow = [
            shadow.to(group.values.device)
            for shadow, group in zip(state["shadow"], self._groups, strict=True)
        ]

    def _parts(self) -> list[Tensor]:
        """Return the mask of each matrix, shaped like its values."""
        if self.mask is None:
            return [torch.ones_like(group.values, dtype=torch.bool) for group in self._groups]
        parts = self.mask.split([group.rank for group in self._groups])
        return [
            part.to(group.values.device).reshape(group.values.shape)
            for part, group in zip(parts, self._groups, strict=True)
        ]

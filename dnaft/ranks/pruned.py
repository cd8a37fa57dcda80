"""Which singular values are pruned, and what becomes of them."""

import itertools
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
        self._groups, self._store = groups, store
        self._put(None)
        self._shadow = [torch.zeros_like(group.values) for group in groups]

    @torch.no_grad()
    def redraw(self, mask: Bool[Tensor, " triplets"]) -> None:
        """Put a new mask in force: zero what it prunes, bring back what it keeps."""
        self._put(mask)
        if self._store == "shadow":
            for group, kept, shadow in zip(self._groups, self._kept, self._shadow, strict=True):
                latent = group.values + shadow
                shadow.copy_(latent * (1 - kept))
                group.values.copy_(latent)
        self.hold()

    @torch.no_grad()
    def hold(self) -> None:
        """Zero again what the mask prunes, which training has moved."""
        values = [group.values for group in self._groups]
        if values:
            # One operation for all matrices of a device; some have no triplet left.
            torch._foreach_mul_(values, self._kept)

    def remove(self, optimizers: Iterable[Optimizer]) -> int:
        """Take what the mask prunes out of model and optimisers; return how many triplets go.

        For the end: no other mask can be drawn over what is left.
        """
        if self.mask is None or bool(self.mask.all()):
            return 0
        removed = int((~self.mask).sum())
        remove_triplets(self._groups, self.mask, optimizers)
        self._put(self.mask[self.mask])
        self._shadow = [torch.zeros_like(group.values) for group in self._groups]
        return removed

    def ranks(self) -> list[int]:
        """Return how many triplets of each matrix the mask keeps; all before the first mask."""
        if self.mask is None:
            return [group.rank for group in self._groups]
        kept = iter(self.mask.tolist())
        return [sum(itertools.islice(kept, group.rank)) for group in self._groups]

    def state_dict(self) -> dict[str, Any]:
        """Return mask and values kept aside, for a checkpoint."""
        return {"mask": self.mask, "shadow": self._shadow}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        self._put(state["mask"])
        self._shadow = [
            shadow.to(group.values.device)
            for shadow, group in zip(state["shadow"], self._groups, strict=True)
        ]

    def _put(self, mask: Bool[Tensor, " triplets"] | None) -> None:
        """Take a mask; keep 1 for what stays and 0 for the rest ready, as values of each matrix."""
        self.mask = mask
        ranks = [group.rank for group in self._groups]
        kept = torch.ones(sum(ranks), dtype=torch.bool) if mask is None else mask
        self._kept = [
            part.to(group.values).reshape(group.values.shape)
            for part, group in zip(kept.split(ranks), self._groups, strict=True)
        ]

"""Smoothed sensitivity times uncertainty, for every weight of every triplet.

All matrices lie in one row of memory, so that a step takes a dozen operations however many they
are; and nothing of a step is read back, so that a GPU is never waited for.
"""

import functools
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Uncertainty = Literal["previous", "updated"]


class Importance:
    """Exponential averages of |w grad| and of its fluctuation, and the triplet scores from them.

    For each weight, LINGO Eq. (2) and (3):

        I    = |w * dL/dw|
        Ibar = beta1 * Ibar' + (1 - beta1) * I
        Ubar = beta2 * Ubar' + (1 - beta2) * |I - Ibar'|
        s    = Ibar * Ubar

    with Ibar', Ubar' the averages of the step before, zero at first. A triplet's score, LINGO
    Eq. (1), adds the score of its singular value to the mean scores of its two vectors.
    The programs released with AdaLoRA and LINGO compare I with the average already updated;
    `uncertainty="updated"` does so.

    Args:
        beta1: Memory of the sensitivity, 0 <= beta1 < 1.
        beta2: Memory of the uncertainty, 0 <= beta2 < 1.
        uncertainty: Whether I is compared with the average of the step before or with the new one.

    Attributes:
        sensitivities: Ibar of each weight; empty before the first step.
        uncertainties: Ubar of each weight; likewise.

    Raises:
        ValueError: If a beta lies outside [0, 1).
    """

    def __init__(self, beta1: float, beta2: float, uncertainty: Uncertainty = "previous") -> None:
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= beta < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {beta}")
        self.beta1, self.beta2, self.uncertainty = beta1, beta2, uncertainty
        self.forget()

    @torch.no_grad()
    def update(self, weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        """Take in one optimiser step; one with a gradient that is not finite changes nothing.

        Args:
            weights: P, lambda, Q of the first matrix, then of the second, ..., before the step
                that their gradients belong to. Averages of half-precision weights are kept in
                float32: in float16 the square of a sensitivity of 1e-4 is 0.
            gradients: The same shapes. None (a matrix that took no part in the loss) counts as 0.
        """
        if not self.sensitivities:
            self._lay_out(weights)
        known = [
            torch.zeros_like(part) if gradient is None else gradient.to(part.dtype)
            for part, gradient in zip(self._parts, gradients, strict=True)
        ]
        now, change, average, fluctuation = self._rows
        torch._foreach_copy_(self._parts, list(weights))
        torch._foreach_mul_(self._parts, known)
        now.abs_()
        finite = now.sum().isfinite()
        self._taken.logical_or_(finite)
        # A branch would have to wait for the answer; a rate of 0 does the same without.
        now.nan_to_num_(0.0, 0.0, 0.0)
        rate1, rate2 = (finite.to(now.dtype) * (1 - beta) for beta in (self.beta1, self.beta2))
        if self.uncertainty == "updated":
            average.lerp_(now, rate1)
            torch.sub(now, average, out=change)
        else:
            torch.sub(now, average, out=change)
            average.lerp_(now, rate1)
        fluctuation.lerp_(change.abs_(), rate2)

    @property
    def ready(self) -> bool:
        """Whether a step was taken in, so that there are scores; a GPU is asked for it."""
        return bool(self._taken)

    def forget(self) -> None:
        """Drop the averages, once no score is needed any more."""
        self.sensitivities: list[Tensor] = []
        self.uncertainties: list[Tensor] = []
        self._parts: list[Tensor] = []
        self._rows: tuple[Tensor, ...] = ()
        self._taken = torch.zeros((), dtype=torch.bool)

    @torch.no_grad()
    def scores(self) -> list[Float[Tensor, " rank"]]:
        """Return the score of every triplet, one vector a matrix.

        Raises:
            RuntimeError: If no step was taken in yet.
        """
        if not self.ready:
            raise RuntimeError("Importance.scores: call update() after a backward pass first")
        *_, average, fluctuation = self._rows
        each = _parts_of(average * fluctuation, self.sensitivities)
        return [
            values.reshape(-1) + left.mean(dim=0) + right.mean(dim=1)
            for left, values, right in zip(each[0::3], each[1::3], each[2::3], strict=True)
        ]

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Return the averages, for a checkpoint; none if no step was taken in yet."""
        if not self.ready:
            return {"sensitivities": [], "uncertainties": []}
        return {"sensitivities": self.sensitivities, "uncertainties": self.uncertainties}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, list[Tensor]], like: Sequence[Tensor]) -> None:
        """Put averages back, on the devices of the weights `like`."""
        self._lay_out(like)
        for name in ("sensitivities", "uncertainties"):
            for average, saved in zip(getattr(self, name), state[name], strict=True):
                average.copy_(saved)
        self._taken.fill_(True)

    def _lay_out(self, weights: Sequence[Tensor]) -> None:
        """Reserve a row for I, for changes and for both averages, and the views of it by weight."""
        dtype = functools.reduce(torch.promote_types, (weight.dtype for weight in weights))
        if dtype in (torch.float16, torch.bfloat16):
            dtype = torch.float32
        count = sum(weight.numel() for weight in weights)
        rows = [torch.zeros(count, dtype=dtype, device=weights[0].device) for _ in range(4)]
        self._rows = tuple(rows)
        self._parts, _, self.sensitivities, self.uncertainties = (
            _parts_of(row, weights) for row in rows
        )
        self._taken = torch.zeros((), dtype=torch.bool, device=weights[0].device)


def _parts_of(row: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Return views of a row of numbers, each in the shape of its weight."""
    parts = row.split([weight.numel() for weight in like])
    return [part.view(weight.shape) for part, weight in zip(parts, like, strict=True)]

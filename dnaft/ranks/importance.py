"""Smoothed sensitivity times uncertainty, for every weight of every triplet."""

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

    Raises:
        ValueError: If a beta lies outside [0, 1).
    """

    def __init__(self, beta1: float, beta2: float, uncertainty: Uncertainty = "previous") -> None:
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= beta < 1:
                raise ValueError(f"{name} must lie in [0, 1), got {beta}")
        self.beta1, self.beta2, self.uncertainty = beta1, beta2, uncertainty
        self.sensitivities: list[Tensor] = []
        self.uncertainties: list[Tensor] = []

    @torch.no_grad()
    def update(self, weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        """Take in one optimiser step.

        Args:
            weights: P, lambda, Q of the first matrix, then of the second, ..., before the step
                that their gradients belong to. Averages of half-precision weights are kept in
                float32: in float16 the square of a sensitivity of 1e-4 is 0.
            gradients: The same shapes. None (a matrix that took no part in the loss) counts as 0.
        """
        wide = [w.float() if w.dtype in (torch.float16, torch.bfloat16) else w for w in weights]
        if not self.sensitivities:
            self.sensitivities = [torch.zeros_like(w) for w in wide]
            self.uncertainties = [torch.zeros_like(w) for w in wide]
        known = [
            torch.zeros_like(w) if g is None else g.to(w.dtype)
            for w, g in zip(wide, gradients, strict=True)
        ]
        now = torch._foreach_mul(wide, known)
        torch._foreach_abs_(now)
        average = self.sensitivities
        if self.uncertainty == "updated":
            torch._foreach_lerp_(average, now, 1 - self.beta1)
            change = torch._foreach_sub(now, average)
        else:
            change = torch._foreach_sub(now, average)
            torch._foreach_lerp_(average, now, 1 - self.beta1)
        torch._foreach_abs_(change)
        torch._foreach_lerp_(self.uncertainties, change, 1 - self.beta2)

    @property
    def ready(self) -> bool:
        """Whether a step was taken in, so that there are scores."""
        return bool(self.sensitivities)

    def forget(self) -> None:
        """Drop the averages, once no score is needed any more."""
        self.sensitivities, self.uncertainties = [], []

    def scores(self) -> list[Float[Tensor, " rank"]]:
        """Return the score of every triplet, one vector a matrix.

        Raises:
            RuntimeError: If no step was taken in yet.
        """
        if not self.ready:
            raise RuntimeError("Importance.scores: call update() after a backward pass first")
        each = torch._foreach_mul(self.sensitivities, self.uncertainties)
        return [
            values.reshape(-1) + left.mean(dim=0) + right.mean(dim=1)
            for left, values, right in zip(each[0::3], each[1::3], each[2::3], strict=True)
        ]

    def state_dict(self) -> dict[str, list[Tensor]]:
        """Return the averages, for a checkpoint."""
        return {"sensitivities": self.sensitivities, "uncertainties": self.uncertainties}

    def load_state_dict(self, state: dict[str, list[Tensor]], like: Sequence[Tensor]) -> None:
        """Put averages back, on the devices of the weights `like`."""
        for name in ("sensitivities", "uncertainties"):
            pairs = zip(state[name], like, strict=False)
            setattr(self, name, [average.to(weight.device) for average, weight in pairs])

"""Optimiser and learning-rate schedule."""

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


@dataclass(frozen=True)
class AdamW:
    """Adam with weight decay beside the gradient, a linear warm-up, then a decay to zero.

    Attributes:
        lr: Highest learning rate, reached at the end of the warm-up.
        head_lr: The same for the task head, which starts from nothing while the backbone is
            pretrained; None takes `lr`.
        weight_decay: Decay of all trained weights but biases, norms and vectors of scales, which
            start at one; a decay of singular values would prune by size, which is the rank
            sampler's work.
        betas: Memory of the first and second moment.
        warmup_fraction: Share of the optimiser steps with a rising rate.
        warmup_steps: The same in steps, in place of the fraction.
        decay: Shape of the fall after the warm-up.

    Raises:
        ValueError: If a number lies outside its domain.
    """

    lr: float
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_fraction: float = 0.0
    decay: Literal["linear", "cosine", "constant"] = "linear"
    head_lr: float | None = None
    warmup_steps: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, lr in (("lr", self.lr), ("head_lr", self.head_lr)):
            if lr is not None and not (lr > 0 and math.isfinite(lr)):
                raise ValueError(f"{name} must be above 0, got {lr}")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay must not be negative, got {self.weight_decay}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must lie in [0, 1), got {self.betas}")
        if self.warmup_steps is not None and self.warmup_steps < 0:
            raise ValueError(f"warmup_steps must be 0 or more, got {self.warmup_steps}")
        if not 0 <= self.warmup_fraction < 1:
            raise ValueError(f"warmup_fraction must lie in [0, 1), got {self.warmup_fraction}")

    def factor(self, step: int, total: int) -> float:
        """Return the share of `lr` in force for optimiser step `step` (0-based) of `total`."""
        warmup = round(self.warmup_fraction * total)
        if self.warmup_steps is not None:
            warmup = self.warmup_steps
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if self.decay == "constant":
            return 1.0
        progress = min(1.0, (step - warmup) / max(1, total - warmup))
        if self.decay == "linear":
            return 1.0 - progress
        return 0.5 * (1.0 + math.cos(math.pi * progress))

    def build(
        self,
        named: Iterable[tuple[str, Parameter]],
        total_steps: int,
        rate_factors: Mapping[str, float] | None = None,
        vectors: Container[str] = (),
    ) -> tuple[Optimizer, LambdaLR]:
        """Return the optimiser over the trainable parameters and its schedule, stepped per step.

        Args:
            named: Parameters by name; those without gradient are left out.
            total_steps: Optimiser steps of the whole run.
            rate_factors: What the learning rate of a parameter is multiplied with, by its name; 1
                for those that are not named (LoRA+, layer-wise decay). `head_lr` is no multiple.
            vectors: Names of parameters that are vectors, though stored with two dimensions.
        """
        factors = rate_factors or {}
        groups: dict[tuple[float, bool], list[Parameter]] = {}
        for name, parameter in named:
            if parameter.requires_grad:
                lr = self.lr * factors.get(name, 1.0)
                if self.head_lr is not None and "task_head" in name:
                    lr = self.head_lr
                vector = parameter.ndim < 2 or name in vectors
                groups.setdefault((lr, vector), []).append(parameter)
        optimizer = torch.optim.AdamW(
            [
                {
                    "params": parameters,
                    "lr": lr,
                    "weight_decay": 0.0 if vector else self.weight_decay,
                }
                for (lr, vector), parameters in groups.items()
            ],
            lr=self.lr,
            betas=self.betas,
        )
        return optimizer, LambdaLR(optimizer, lambda step: self.factor(step, total_steps))

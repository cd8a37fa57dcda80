"""Optimiser and learning-rate schedule."""

import math
from collections.abc import Iterable
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
        weight_decay: Decay of all trained weights but biases, norms and singular values; a decay
            of singular values would prune by size, which is the rank sampler's work.
        betas: Memory of the first and second moment.
        warmup_fraction: Share of the optimiser steps with a rising rate.
        decay: Shape of the fall after the warm-up.

    Raises:
        ValueError: If a number lies outside its domain.
    """

    lr: float
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_fraction: float = 0.0
    decay: Literal["linear", "cosine", "constant"] = "linear"

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not self.lr > 0 or not math.isfinite(self.lr):
            raise ValueError(f"lr must be positive, got {self.lr}")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay must not be negative, got {self.weight_decay}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must lie in [0, 1), got {self.betas}")
        if not 0 <= self.warmup_fraction < 1:
            raise ValueError(f"warmup_fraction must lie in [0, 1), got {self.warmup_fraction}")

    def factor(self, step: int, total: int) -> float:
        """Return the share of `lr` in force for optimiser step `step` (0-based) of `total`."""
        warmup = round(self.warmup_fraction * total)
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if self.decay == "constant":
            return 1.0
        progress = min(1.0, (step - warmup) / max(1, total - warmup))
        if self.decay == "linear":
            return 1.0 - progress
        return 0.5 * (1.0 + math.cos(math.pi * progress))

    def build(
        self, named: Iterable[tuple[str, Parameter]], total_steps: int
    ) -> tuple[Optimizer, LambdaLR]:
        """Return the optimiser over the trainable parameters and its schedule, stepped per step."""
        decayed: list[Parameter] = []
        free: list[Parameter] = []
        for name, parameter in named:
            if parameter.requires_grad:
                vector = parameter.ndim < 2 or parameter.shape[-1] == 1 or "lora_E" in name
                (free if vector else decayed).append(parameter)
        groups = [
            {"params": decayed, "weight_decay": self.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=self.lr, betas=self.betas
        )
        return optimizer, LambdaLR(optimizer, lambda step: self.factor(step, total_steps))

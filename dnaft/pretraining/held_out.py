"""Held-out windows, always the same ones, and how well a model predicts them."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from dnaft.pretraining.dna_tokens import DnaTokens
from dnaft.pretraining.examples import Examples, Rows
from dnaft.pretraining.model import target_logits
from dnaft.pretraining.objectives import Questions, TokenBatch
from dnaft.pretraining.targets import asked_bases

SEED = 0  # of places and questions, whatever the seed of the run


@dataclass(frozen=True)
class HeldOutSettings:
    """How much of the dev chromosomes is asked for.

    Attributes:
        windows: Windows of the final numbers.
        look_windows: Windows of a look during training, the first ones of them; None for all. The
            first hundred may be easier or harder than all, so only looks at all can be compared
            with the yardsticks.
        look_steps: Optimiser steps between looks; 0 for none.

    Raises:
        ValueError: If a number lies outside its domain.
    """

    windows: int
    look_windows: int | None
    look_steps: int

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.windows < 1:
            raise ValueError(f"windows must be 1 or more, got {self.windows}")
        if self.look_windows is not None and not 1 <= self.look_windows <= self.windows:
            raise ValueError(
                f"look_windows must lie from 1 to windows = {self.windows}, got {self.look_windows}"
            )
        if self.look_steps < 0:
            raise ValueError(f"look_steps must be 0 or more, got {self.look_steps}")


@dataclass(frozen=True)
class Score:
    """How well targets are predicted.

    Attributes:
        nats_per_token: Mean of -log p of the targets.
        perplexity: Its exponential.
        accuracy: Share of targets that had the highest probability.
        nats_per_base: Sum of -log p over the bases that the targets were asked for, see
            `asked_bases`.
    """

    nats_per_token: float
    perplexity: float
    accuracy: float
    nats_per_base: float

    @classmethod
    def of(cls, nats: NDArray[np.float64], hits: NDArray[np.float64], bases: float) -> "Score":
        """Return the score.

        Args:
            nats: -log p of each target, (targets,).
            hits: Whether, or with what probability, it was the first choice, (targets,).
            bases: Bases that the targets were asked for.
        """
        mean = float(nats.mean())
        return cls(mean, math.exp(min(mean, 700.0)), float(hits.mean()), float(nats.sum() / bases))

    def as_dict(self) -> dict[str, float]:
        """Return the numbers by name."""
        return asdict(self)


class HeldOut:
    """Questions about held-out windows.

    Args:
        examples: Windows of the dev chromosomes; also an attribute.
        questions: In the form for scoring.
        dna: Tokens that spell bases.
        causal: Whether targets are asked for from left to right.
        rows: Rows of a batch.
    """

    def __init__(
        self,
        examples: Examples,
        questions: Questions,
        dna: DnaTokens,
        causal: bool,
        rows: int = 32,
    ) -> None:
        self.examples = examples
        self._questions = questions
        self._dna = dna
        self.causal = causal
        self._rows = rows

    def batches(self, windows: int) -> Iterator[tuple[Rows, TokenBatch]]:
        """Yield the first so many windows and what is asked about them."""
        for first in range(0, windows, self._rows):
            numbers = range(first, min(first + self._rows, windows))
            rows = self.examples.rows(numbers)
            yield rows, self._questions(rows, SEED, numbers)

    @torch.inference_mode()
    def score(self, model: Any, windows: int) -> Score:
        """Return how well a model predicts the first so many windows."""
        training = model.training
        model.eval()
        device = next(model.parameters()).device
        nats, hits, bases = [], [], 0
        for rows, batch in self.batches(windows):
            moved = batch.to(device)
            logits = target_logits(model, moved)
            loss = functional.cross_entropy(logits, moved.targets, reduction="none")
            nats.append(loss.double().cpu().numpy())
            hits.append((logits.argmax(dim=1) == moved.targets).double().cpu().numpy())
            bases += int(asked_bases(rows, batch, self._dna, self.causal).sum())
        model.train(training)
        return Score.of(np.concatenate(nats), np.concatenate(hits), bases)

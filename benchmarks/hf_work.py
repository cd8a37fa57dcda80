"""What both sides of hf_trainer.py do, HF's Trainer with PEFT and dnaft."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import nn
from transformers import OPTConfig, OPTForSequenceClassification
from usual_stack import opt_shape

from dnaft.batch import Batch
from dnaft.config import config_dir, register_schema

RATE = 1e-3
POSITIONS = 2048


class Work:
    """What both sides do.

    Args:
        method: Name in conf/method.
        options: The command line of hf_trainer.py.

    Attributes:
        overrides: What dnaft's command line says.
        config: The configuration that they compose, plain values; HF's side is set up like it.
        batches: Random tokens; the label of a row is whether its last token is even, so that there
            is something to learn.
    """

    def __init__(self, method: str, options: argparse.Namespace) -> None:
        register_schema()
        self.method, self.options = method, options
        self.architecture = opt_shape(
            options.hidden, options.layers, options.dropout, options.vocabulary, POSITIONS
        )
        self.overrides = self._overrides()
        with initialize_config_dir(config_dir(), version_base="1.3"):
            config = compose("train", self.overrides)
        plain: Any = OmegaConf.to_container(config, resolve=True)
        self.config = plain
        generator = torch.Generator().manual_seed(1)
        shape = options.batch, options.tokens
        self.batches = []
        for _ in range(options.steps):
            ids = torch.randint(5, options.vocabulary, shape, generator=generator)
            self.batches.append(Batch(ids, torch.ones_like(ids), ids[:, -1] % 2))

    def _overrides(self) -> list[str]:
        options = self.options
        parts = [f"method={self.method}", "model=opt_125m", "model.source=null"]
        parts += [f"model.architecture.{name}={value}" for name, value in self.architecture.items()]
        parts += [
            f"method.inject.dropout={options.dropout}",
            f"method.optimizer.lr={RATE}",
            "method.optimizer.warmup_fraction=0.0",
            f"data.batch_size={options.batch}",
            "trainer.max_epochs=-1",
            f"trainer.max_steps={options.steps}",
        ]
        if not options.defaults:
            parts.append(f"trainer.precision={'bf16-mixed' if options.bf16 else '32-true'}")
        return [*parts, *options.override]

    def base(self) -> OPTForSequenceClassification:
        """Return the classifier, with the same random weights each time."""
        torch.manual_seed(2)
        return OPTForSequenceClassification(OPTConfig(**{**self.architecture, "num_labels": 2}))


class Side(ABC):
    """One way to do the work.

    Args:
        work: What to do.
        clock: Returns seconds.

    Attributes:
        module: The model with its adapters.
    """

    module: nn.Module

    def __init__(self, work: Work, clock: Callable[[], float]) -> None:
        self.work, self.clock = work, clock
        self.set_up()

    def adapters(self) -> dict[str, torch.Tensor]:
        """Return copies of the adapters' weights, by their names in OPT."""
        return {
            name.partition("decoder.")[2]: parameter.detach().clone()
            for name, parameter in self.module.named_parameters()
            if "decoder." in name and parameter.requires_grad
        }

    @abstractmethod
    def set_up(self) -> None:
        """Build model and adapters."""

    @abstractmethod
    def train(self) -> float:
        """Train on the batches; return the seconds from the end of the first step on."""

    @abstractmethod
    def curve(self, seed: int = 1) -> list[float]:
        """Train on the batches; return the loss of each step.

        Args:
            seed: Of what dropout drops.
        """

    @abstractmethod
    def evaluate(self) -> float:
        """Score all batches as between two epochs; return seconds."""

    @abstractmethod
    def describe(self) -> str:
        """Return all that a user of this side would set."""

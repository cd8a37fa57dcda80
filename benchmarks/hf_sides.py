"""dnaft's side of hf_trainer.py, and both sides by their names."""

import ctypes
import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from hf_usual import Hf
from hf_work import Side
from lightning import Callback, Trainer
from torch.utils.data import DataLoader

from dnaft.callbacks.throughput import Throughput
from dnaft.config import build
from dnaft.fine_tune_run import method_callbacks, round_frozen
from dnaft.finetuner import FineTuner
from dnaft.models.backbone import Backbone
from dnaft.run import adapt
from dnaft.saved_run import model_node
from dnaft.strategy import build_trainer


class _Steps(Callback):
    """Notes when the first step has ended, and the loss of each."""

    def __init__(self, side: "Dnaft") -> None:
        self.side, self.start = side, 0.0
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, module: Any, outputs: Any, *_: Any) -> None:
        if self.side.keeps_losses:
            self.losses.append(float(outputs["loss"]))
        if trainer.global_step == 1:
            self.start = self.side.clock()


class Dnaft(Side):
    """dnaft's module and callbacks, as `python -m dnaft.train` puts them together."""

    keeps_losses = False

    def set_up(self) -> None:
        """Build the backbone with HF's weights, its head and the method."""
        config = self.work.config
        self.backbone: Backbone = build(model_node(config), "model")
        self.backbone.attach_head(2, config["method"]["head_dropout"])
        base = self.work.base()
        found = self.backbone.trunk.load_state_dict(base.model.state_dict(), strict=False)
        missing = [name for name in found.missing_keys if not name.startswith("task_head.")]
        if missing or found.unexpected_keys:
            raise SystemExit(f"weights differ: {missing} {found.unexpected_keys}")
        linear: Any = self.backbone.head.get_submodule("linear")
        linear.weight.data.copy_(base.score.weight)
        linear.bias.data.zero_()
        del base
        torch.manual_seed(3)
        adapt(self.backbone, config)
        for name, parameter in self.backbone.named_parameters():
            if "task_head" in name and name.endswith("linear.bias"):
                parameter.requires_grad_(False)  # HF's head has none
        self.module = self.backbone

    def _trainer(self) -> Trainer:
        self.watch = _Steps(self)
        return build_trainer(
            self.work.config["trainer"],
            # The watch is last: a mask belongs to its step, as on HF's side.
            callbacks=[
                Throughput(time.perf_counter()),
                *method_callbacks(self.work.config),
                self.watch,
            ],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            default_root_dir=self.work.options.folder,
        )

    def _tuner(self) -> FineTuner:
        method = self.work.config["method"]
        return FineTuner(
            self.backbone,
            "multiclass",
            2,
            build(method["optimizer"], "method.optimizer"),
            method["orthogonality_weight"],
        )

    @contextmanager
    def _rounded(self, trainer: Trainer) -> Iterator[None]:
        """Keep frozen matrices as a run keeps them while it trains, and put them back after it."""
        wanted = self.work.config["fast"]["frozen_bf16"]
        rounded = round_frozen(self.backbone, wanted, trainer)
        yield
        if rounded is not None:
            rounded.restore(self.work.base().model)

    def _loader(self) -> DataLoader[Any]:
        return DataLoader(self.work.batches, batch_size=None)  # type: ignore[arg-type]

    def train(self) -> float:
        """Train on the batches."""
        trainer = self._trainer()
        with self._rounded(trainer):
            trainer.fit(self._tuner(), self._loader())
            return self.clock() - self.watch.start

    def curve(self, seed: int = 1) -> list[float]:
        """Train on the batches."""
        torch.manual_seed(seed)
        self.keeps_losses = True
        self.train()
        self.keeps_losses = False
        return self.watch.losses

    def evaluate(self) -> float:
        """Score all batches as a run scores dev after an epoch, in the trainer's precision."""
        trainer = self._trainer()
        with self._rounded(trainer):
            tuner, loader = self._tuner(), self._loader()
            begin = self.clock()
            trainer.validate(tuner, loader, verbose=False)
            return self.clock() - begin

    def describe(self) -> str:
        """Return the command line; what is not named is the default."""
        return f"python -m dnaft.train {' '.join(self.work.overrides)}"


def give_back_memory() -> None:
    """Let go of what nobody uses, which allocators otherwise keep."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)


SIDES: dict[str, type[Side]] = {"hf": Hf, "dnaft": Dnaft}

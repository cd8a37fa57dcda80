"""The two sides of hf_trainer.py: one piece of work for HF's Trainer and PEFT, and for dnaft."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from lightning import Callback, Trainer
from omegaconf import OmegaConf
from peft import AdaLoraConfig, LoraConfig, get_peft_model
from torch.utils.data import DataLoader
from transformers import (
    OPTConfig,
    OPTForSequenceClassification,
    PrinterCallback,
    TrainerCallback,
    TrainingArguments,
)
from transformers import Trainer as HfTrainer
from usual_stack import opt_shape

from dnaft.batch import Batch
from dnaft.config import build, config_dir, register_schema
from dnaft.finetuner import FineTuner, predict
from dnaft.methods.fuse import fuse_adapters
from dnaft.models.backbone import Backbone
from dnaft.strategy import build_trainer

RATE = 1e-3
TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


class Work:
    """What both sides do.

    Args:
        method: Name in conf/method.
        options: The command line.
    """

    def __init__(self, method: str, options: argparse.Namespace) -> None:
        register_schema()
        self.method, self.options = method, options
        self.architecture = opt_shape(
            options.hidden, options.layers, options.dropout, vocabulary=2048, positions=2048
        )
        overrides = [f"method={method}", "model=opt_125m"]
        if method != "linear_probe":
            overrides.append(f"method.inject.dropout={options.dropout}")
        with initialize_config_dir(config_dir(), version_base="1.3"):
            config = compose("train", overrides)
        plain: Any = OmegaConf.to_container(config, resolve=True)
        self.config = plain
        generator = torch.Generator().manual_seed(1)
        shape = options.batch, options.tokens
        self.batches = []
        for _ in range(options.steps):
            ids = torch.randint(5, 2048, shape, generator=generator)
            # The label is whether the last token is even: there is something to learn.
            self.batches.append(Batch(ids, torch.ones_like(ids), ids[:, -1] % 2))

    def base(self) -> OPTForSequenceClassification:
        """Return the classifier, with the same random weights each time."""
        torch.manual_seed(2)
        return OPTForSequenceClassification(OPTConfig(**self.architecture, num_labels=2))


class Side(ABC):
    """One way to do the work.

    Args:
        work: What to do.
        clock: Returns seconds.
    """

    last_loss: float

    def __init__(self, work: Work, clock: Callable[[], float]) -> None:
        self.work, self.clock = work, clock
        self.set_up()

    def loss(self, logits: torch.Tensor) -> float:
        """Return the mean cross-entropy of the logits of all batches, (rows, 2)."""
        labels = torch.cat([batch.labels for batch in self.work.batches])
        return float(torch.nn.functional.cross_entropy(logits, labels))

    @abstractmethod
    def set_up(self) -> None:
        """Build model and adapters."""

    @abstractmethod
    def train(self) -> float:
        """Train on the batches; return the seconds from the end of the first step on."""

    @abstractmethod
    def evaluate(self) -> float:
        """Read all batches for their logits; return seconds, keep the loss in `last_loss`."""


class _Watch(TrainerCallback):
    def __init__(self, side: "Hf") -> None:
        self.side, self.start = side, 0.0

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        self.side.allocate()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 1:
            self.start = self.side.clock()


class _HfTrainer(HfTrainer):
    batches: list[dict[str, torch.Tensor]]

    def get_train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.batches, batch_size=None)  # type: ignore[arg-type]

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Any]:
        return self.get_train_dataloader()


class Hf(Side):
    """transformers' Trainer with a model of PEFT."""

    def set_up(self) -> None:
        """Build the classifier with PEFT's adapter."""
        work, model = self.work, self.work.base()
        method, options = work.config["method"], work.options
        shared = {
            "lora_alpha": method["inject"].get("alpha"),
            "lora_dropout": options.dropout,
            "target_modules": TARGETS,
            "task_type": "SEQ_CLS",
        }
        torch.manual_seed(3)
        self.allocator = None
        if work.method == "linear_probe":
            model.requires_grad_(False)
            model.score.requires_grad_(True)
            self.model: Any = model
        elif work.method == "adalora_rs":
            steps, rank = options.steps, method["rank"]
            config = AdaLoraConfig(
                init_r=rank,
                target_r=8,
                tinit=1,
                tfinal=1,
                deltaT=1,
                total_step=steps,
                orth_reg_weight=method["orthogonality_weight"],
                **shared,
            )
            self.model = get_peft_model(model, config)
            self.allocator = self.model.base_model
        else:
            config = LoraConfig(
                r=method["rank"],
                use_dora=method["inject"].get("weight_decomposed", False),
                **shared,
            )
            self.model = get_peft_model(model, config)

    def allocate(self) -> None:
        """Let PEFT's allocator prune, between the gradients and the optimiser's step."""
        if self.allocator is not None:
            self.step += 1
            self.allocator.update_and_allocate(self.step)

    def _trainer(self) -> _HfTrainer:
        arguments = TrainingArguments(
            self.work.options.folder,
            max_steps=self.work.options.steps,
            learning_rate=RATE,
            weight_decay=self.work.config["method"]["optimizer"]["weight_decay"],
            warmup_steps=0,
            max_grad_norm=1.0,
            bf16=self.work.options.bf16,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = _HfTrainer(self.model, arguments)
        trainer.remove_callback(PrinterCallback)
        trainer.batches = [
            {"input_ids": b.input_ids, "attention_mask": b.attention_mask, "labels": b.labels}
            for b in self.work.batches
        ]
        return trainer

    def train(self) -> float:
        """Train on the batches."""
        self.step = 0
        trainer, watch = self._trainer(), _Watch(self)
        trainer.add_callback(watch)
        trainer.train()
        return self.clock() - watch.start

    def evaluate(self) -> float:
        """Read all batches."""
        trainer = self._trainer()
        begin = self.clock()
        found = trainer.predict(self.work.batches)
        seconds = self.clock() - begin
        self.last_loss = self.loss(torch.from_numpy(found.predictions))
        return seconds


class _Steps(Callback):
    def __init__(self, side: "Dnaft") -> None:
        self.side, self.start = side, 0.0

    def on_train_batch_end(self, trainer: Trainer, module: Any, *_: Any) -> None:
        if trainer.global_step == 1:
            self.start = self.side.clock()


class Dnaft(Side):
    """dnaft's module and callbacks, as `python -m dnaft.train` puts them together."""

    def set_up(self) -> None:
        """Build the backbone, its head and the method."""
        config = self.work.config
        node = {**config["model"], "source": None}
        node["architecture"] = {**node["architecture"], **self.work.architecture}
        self.backbone: Backbone = build(node, "model")
        self.backbone.attach_head(2)
        base = self.work.base()
        self.backbone.trunk.load_state_dict(base.model.state_dict(), strict=False)
        linear: Any = self.backbone.head.get_submodule("linear")
        linear.weight.data.copy_(base.score.weight)
        linear.bias.data.zero_()
        torch.manual_seed(3)
        build(config["method"]["inject"], "method.inject")(self.backbone)
        if config["fast"]["fused_adapters"]:
            fuse_adapters(self.backbone)

    def train(self) -> float:
        """Train on the batches."""
        method, options = self.work.config["method"], self.work.options
        optimizer = {**method["optimizer"], "lr": RATE, "warmup_fraction": 0.0}
        module = FineTuner(
            self.backbone,
            "multiclass",
            2,
            build(optimizer, "method.optimizer"),
            method["orthogonality_weight"],
        )
        watch = _Steps(self)
        settings = {"max_epochs": -1, "max_steps": options.steps}
        if not options.defaults:
            settings["precision"] = "bf16-mixed" if options.bf16 else "32-true"
        trainer = build_trainer(
            {**self.work.config["trainer"], **settings},
            callbacks=[watch, *build(method["callbacks"], "method.callbacks").values()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            default_root_dir=options.folder,
        )
        trainer.fit(module, DataLoader(self.work.batches, batch_size=None))  # type: ignore[arg-type]
        return self.clock() - watch.start

    def evaluate(self) -> float:
        """Read all batches."""
        begin = self.clock()
        logits, _ = predict(self.backbone, self.work.batches)
        seconds = self.clock() - begin
        self.last_loss = self.loss(logits)
        return seconds


SIDES: dict[str, type[Side]] = {"hf": Hf, "dnaft": Dnaft}

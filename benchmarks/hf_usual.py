"""The usual side of hf_trainer.py: transformers' Trainer with a model of PEFT."""

from typing import Any

import torch
from hf_work import Side
from peft import AdaLoraConfig, LoraConfig, PeftConfig, get_peft_model
from sklearn.metrics import matthews_corrcoef
from torch.utils.data import DataLoader
from transformers import EvalPrediction, PrinterCallback, TrainerCallback, TrainingArguments
from transformers import Trainer as HfTrainer
from usual_stack import OPT_MATRICES


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

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        return self.get_train_dataloader()

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Any]:
        return self.get_train_dataloader()


def _score(found: EvalPrediction) -> dict[str, float]:
    logits: Any = found.predictions
    return {"mcc": matthews_corrcoef(found.label_ids, logits.argmax(axis=1))}


class Hf(Side):
    """transformers' Trainer with a model of PEFT."""

    def set_up(self) -> None:
        """Build the classifier with PEFT's adapter."""
        work, model = self.work, self.work.base()
        method = work.config["method"]
        self.adapter: dict[str, Any] = {
            "lora_alpha": method["inject"]["alpha"],
            "lora_dropout": work.options.dropout,
            "target_modules": OPT_MATRICES,
            "task_type": "SEQ_CLS",
        }
        self.adapter_class: type[PeftConfig] = LoraConfig
        if work.method == "adalora_rs":
            self.adapter_class = AdaLoraConfig
            self.adapter |= {
                "init_r": method["rank"],
                "target_r": method["callbacks"]["rank_sampler"]["target_rank"],
                "tinit": 1,
                "tfinal": 1,
                "deltaT": 1,
                "total_step": work.options.steps,
                "orth_reg_weight": method["orthogonality_weight"],
            }
        else:
            self.adapter["r"] = method["rank"]
            if method["inject"].get("weight_decomposed", False):
                self.adapter["use_dora"] = True
        torch.manual_seed(3)
        self.module = get_peft_model(model, self.adapter_class(**self.adapter))
        self.allocator: Any = None
        if work.method == "adalora_rs":
            self.allocator = self.module.base_model

    def allocate(self) -> None:
        """Let PEFT's allocator prune, while the gradients of the step are still there."""
        if self.allocator is not None:
            self.step += 1
            self.allocator.update_and_allocate(self.step)

    def _settings(self) -> dict[str, Any]:
        optimizer = self.work.config["method"]["optimizer"]
        return {
            "max_steps": self.work.options.steps,
            "per_device_train_batch_size": self.work.options.batch,
            "learning_rate": optimizer["lr"],
            "weight_decay": optimizer["weight_decay"],
            "bf16": self.work.options.bf16,
            "use_cpu": not torch.cuda.is_available(),  # without it bf16 is refused
            "save_strategy": "no",
            "report_to": [],
            "disable_tqdm": True,
        }

    def _trainer(self, logging_steps: int = 100_000, seed: int = 1) -> _HfTrainer:
        arguments = TrainingArguments(
            self.work.options.folder, logging_steps=logging_steps, seed=seed, **self._settings()
        )
        trainer = _HfTrainer(self.module, arguments, compute_metrics=_score)
        trainer.remove_callback(PrinterCallback)
        trainer.batches = [
            {"input_ids": b.input_ids, "attention_mask": b.attention_mask, "labels": b.labels}
            for b in self.work.batches
        ]
        self.step, watch = 0, _Watch(self)
        trainer.add_callback(watch)
        self.watch = watch
        return trainer

    def train(self) -> float:
        """Train on the batches."""
        self._trainer().train()
        return self.clock() - self.watch.start

    def curve(self, seed: int = 1) -> list[float]:
        """Train on the batches."""
        trainer = self._trainer(logging_steps=1, seed=seed)
        trainer.train()
        return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]

    def evaluate(self) -> float:
        """Score all batches by `Trainer.evaluate`."""
        trainer = self._trainer()
        begin = self.clock()
        trainer.evaluate(self.work.batches)  # type: ignore[arg-type]  # its loader is ours
        return self.clock() - begin

    def describe(self) -> str:
        """Return the arguments of Trainer and PEFT; what is not named is the default."""

        def call(name: str, settings: dict[str, Any]) -> str:
            return f"{name}({', '.join(f'{k}={v!r}' for k, v in settings.items())})"

        arguments = call("TrainingArguments", self._settings())
        return f"{arguments}, {call(self.adapter_class.__name__, self.adapter)}"

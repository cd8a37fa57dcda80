"""One LoRA run as a script of transformers and PEFT does it: a side of together.py.

    python benchmarks/usual_run.py FOLDER --rank 8 --rate 1e-3

FOLDER holds base/, a model that `save_pretrained` wrote, and tokens.json: for each split its rows
with `input_ids` and `labels`. What is written into FOLDER: Trainer's checkpoints, and
usual-RANK-RATE.json with Trainer's `train_runtime` and the dev loss after the last epoch.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import OPTForSequenceClassification, Trainer, TrainingArguments
from usual_stack import OPT_MATRICES, collator


def run(options: argparse.Namespace) -> None:
    """Train, score dev after each epoch, predict test once."""
    name = f"usual-{options.rank}-{options.rate}"
    data = json.loads((options.folder / "tokens.json").read_text())
    torch.manual_seed(1)
    adapter = LoraConfig(
        r=options.rank, lora_alpha=16, target_modules=OPT_MATRICES, task_type="SEQ_CLS"
    )
    model: Any = OPTForSequenceClassification.from_pretrained(options.folder / "base", num_labels=2)
    arguments = TrainingArguments(
        output_dir=str(options.folder / name),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.eval_batch_size,
        learning_rate=options.rate,
        weight_decay=0.01,
        warmup_steps=0.1,  # below 1 a share of the steps
        eval_strategy="epoch",
        save_strategy="epoch",
        bf16=options.bf16,
        report_to=[],
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
    )
    trainer = Trainer(
        model=get_peft_model(model, adapter),
        args=arguments,
        data_collator=collator(pad_id=model.config.pad_token_id),
        train_dataset=data["train"],
        eval_dataset=data["dev"],
    )
    done = trainer.train()
    trainer.predict(data["test"])
    losses = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    found = {
        "rank": options.rank,
        "rate": options.rate,
        "dev_loss": losses[-1],
        "train_seconds": done.metrics["train_runtime"],
    }
    (options.folder / f"{name}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--eval-batch-size", type=int, default=128)
    parser.add_argument("--bf16", action="store_true")
    run(parser.parse_args())

"""A frozen model under transformers' Trainer and under dnaft: processor time of runs in turn.

    OMP_NUM_THREADS=1 python benchmarks/frozen_cache.py
    python benchmarks/frozen_cache.py --hidden 768 --layers 12 --rows 4000     # a real size

The same random weights of a BERT, rows, batches and epochs on both sides, dev scored after each
epoch, test once. On one side what users write: `BertForSequenceClassification` with frozen
parameters, tokens made beforehand, `Trainer`. On the other `python -m dnaft.train` within this
process, tokens, checkpoints, record and predictions included: without the states of frozen layers,
with them and an empty cache, and again with another seed and learning rate. Imports are made
before. Heads differ: BERT's frozen pooler and a linear layer there, standardised means of all
tokens and a linear layer here; neither takes time.
"""

import argparse
import contextlib
import io
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tables import show_ratio
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    Trainer,
    TrainingArguments,
)
from usual_stack import SPLITS, collator, write_rows, write_tokens

from dnaft.train import main as train

BATCH, EVAL_BATCH, HEADS, BASE = 32, 128, 4, "base"


def architecture(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the shape of the model, without dropout."""
    return {
        "vocab_size": 69,
        "hidden_size": arguments.hidden,
        "num_hidden_layers": arguments.layers,
        "num_attention_heads": HEADS,
        "intermediate_size": 4 * arguments.hidden,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def trainer_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what a user of Trainer sets."""
    return {
        "num_train_epochs": arguments.epochs,
        "per_device_train_batch_size": BATCH,
        "per_device_eval_batch_size": EVAL_BATCH,
        "learning_rate": 1e-2,
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
    }


def with_trainer(
    arguments: argparse.Namespace, tokens: dict[str, Any], folder: Path, top_layers: int
) -> None:
    """Train as a script of plain transformers does."""
    model: Any = BertForSequenceClassification.from_pretrained(folder / BASE)
    model.bert.requires_grad_(False)
    for layer in list(model.bert.encoder.layer)[arguments.layers - top_layers :]:
        layer.requires_grad_(True)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(folder / "hf"), **trainer_settings(arguments)),
        data_collator=collator(pad_id=0),
        train_dataset=tokens["train"],
        eval_dataset=tokens["dev"],
    )
    trainer.train()
    trainer.predict(tokens["test"])


def dnaft_arguments(arguments: argparse.Namespace, folder: Path, top_layers: int) -> list[str]:
    """Return the command line."""
    method = ["method=linear_probe"]
    if top_layers:
        method = ["method=partial", f"method.inject.top_layers={top_layers}"]
    return [
        "task=csv", *(f"task.source.{s}={folder / s}.csv" for s in SPLITS),
        "model=tiny", f"model.source={folder / BASE}", *method,
        f"trainer.max_epochs={arguments.epochs}", "trainer.precision=32-true",
        f"data.batch_size={BATCH}", f"data.eval_batch_size={EVAL_BATCH}", "progress=false",
        f"output_dir={folder / 'out'}",
    ]  # fmt: skip


def with_dnaft(
    arguments: argparse.Namespace, folder: Path, top_layers: int, *overrides: str
) -> None:
    """Train as the command line does."""
    sys.argv = ["dnaft.train", *dnaft_arguments(arguments, folder, top_layers), *overrides]
    train()


def seconds(work: Callable[[], None]) -> float:
    """Return processor time of one call, what it prints left out; on a GPU time by the clock."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    begin = clock()
    with contextlib.redirect_stdout(io.StringIO()):
        work()
    return clock() - begin


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Print the table."""
    write_tokens(folder, write_rows(folder, arguments.rows, arguments.length_bp))
    tokens = json.loads((folder / "tokens.json").read_text())
    torch.manual_seed(0)
    random = BertModel(BertConfig(**architecture(arguments)), add_pooling_layer=False)
    random.save_pretrained(folder / BASE)
    warm_up = ["trainer.max_steps=1", f"output_dir={folder / 'warm'}"]
    os.environ["DNAFT_CACHE_DIR"] = str(folder / "warm")
    seconds(lambda: with_dnaft(arguments, folder, 0, *warm_up))
    print("| method | run | seconds | Trainer / run |\n|---|---|---|---|")
    for top in (0, arguments.layers // 4):
        method = f"top {top} of {arguments.layers} layers" if top else "linear probe"
        found: dict[str, list[float]] = {}
        for repeat in range(arguments.repeats):
            os.environ["DNAFT_CACHE_DIR"] = str(folder / f"cache-{top}-{repeat}")
            runs: dict[str, Callable[[], None]] = {
                "transformers Trainer": partial(with_trainer, arguments, tokens, folder, top),
                "fast.frozen_states=false": partial(
                    with_dnaft, arguments, folder, top, "fast.frozen_states=false"
                ),
                "first run": partial(with_dnaft, arguments, folder, top),
                "another seed and rate": partial(
                    with_dnaft, arguments, folder, top, "seed=2", "method.optimizer.lr=3e-3"
                ),
            }
            for name, work in runs.items():
                found.setdefault(name, []).append(seconds(work))
        base = found["transformers Trainer"]
        for name, times in found.items():
            median, ratio = statistics.median(times), show_ratio(base, times)
            print(f"| {method} | {name} | {median:.1f} | {ratio} |", flush=True)
    given = ", ".join(f"{k}={v!r}" for k, v in trainer_settings(arguments).items())
    line = " ".join(dnaft_arguments(arguments, folder, 0)).replace(str(folder), "FOLDER")
    print(f"\n    TrainingArguments({given})\n    python -m dnaft.train {line}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--length_bp", type=int, default=150)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2)
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        measure(parser.parse_args(), Path(name))

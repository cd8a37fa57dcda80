"""A sweep of three ranks and three learning rates: HF's Trainer, run after run, one pass for all.

    OMP_NUM_THREADS=1 python benchmarks/together.py --cpu-time
    python benchmarks/together.py --hidden 768 --layers 12 --rows 4000      # OPT-125M on a GPU
    python benchmarks/together.py --model yeast_mini --rows 4000            # dnaft alone

The same random OPT (or a model of dnaft), rows, batches of 8 and epochs on all sides; dev is scored
after each epoch, test once. `hf` is what users of the usual stack start: a process for each run,
with its imports, tokenisation, `Trainer` and an adapter of PEFT. `dnaft` is one sweep of dnaft, run
after run, `together` the same sweep with hydra.launcher.together; both write all their files. Each
repeat does all sides in turn. Time is that of the wall from the start of the first process to the
end of the last; with --cpu-time that of the processor, for a shared machine and one thread.
"""

import argparse
import csv
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tables import show_ratio
from usual_stack import SPLITS, collator, opt_shape, write_rows

RANKS = (4, 8, 16)
RATES = (5e-4, 1e-3, 2e-3)
BATCH, EVAL_BATCH, K = 8, 128, 3
TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


def architecture(options: argparse.Namespace) -> dict[str, Any]:
    """Return the shape of the OPT."""
    return opt_shape(options.hidden, options.layers, options.dropout, vocabulary=69, positions=512)


def hf_run(options: argparse.Namespace) -> None:
    """Do one run as a script of transformers and PEFT does; called in a process of its own."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import OPTConfig, OPTForSequenceClassification, Trainer, TrainingArguments

    words = ["".join(letters) for letters in itertools.product("ACGT", repeat=K)]
    numbers = {word: i + 5 for i, word in enumerate(words)}
    folder = Path(options.folder)
    data: dict[str, list[dict[str, Any]]] = {}
    for split in SPLITS:
        with (folder / f"{split}.csv").open() as file:
            data[split] = [
                {
                    "input_ids": [
                        numbers.get(row["sequence"][i : i + K], 4)
                        for i in range(len(row["sequence"]) - K + 1)
                    ],
                    "labels": int(row["label"]),
                }
                for row in csv.DictReader(file)
            ]

    torch.manual_seed(1)
    config = OPTConfig(**architecture(options), num_labels=2, pad_token_id=1)
    adapter = LoraConfig(r=options.rank, lora_alpha=16, target_modules=TARGETS, task_type="SEQ_CLS")
    arguments = TrainingArguments(
        output_dir=str(folder / f"hf-{options.rank}-{options.rate}"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=EVAL_BATCH,
        learning_rate=options.rate,
        weight_decay=0.01,
        warmup_ratio=0.1,
        eval_strategy="epoch",
        save_strategy="epoch",
        bf16=options.bf16,
        report_to=[],
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
    )
    trainer = Trainer(
        model=get_peft_model(OPTForSequenceClassification(config), adapter),
        args=arguments,
        data_collator=collator(pad_id=1),
        train_dataset=data["train"],
        eval_dataset=data["dev"],
    )
    trainer.train()
    trainer.predict(data["test"])


def hf_commands(options: argparse.Namespace, folder: Path, repeat: int) -> list[list[str]]:
    """Return a command for each run."""
    return [
        [sys.executable, *sys.argv, f"--folder={folder}", f"--rank={rank}", f"--rate={rate}"]
        for rank in RANKS
        for rate in RATES
    ]


def dnaft_commands(
    options: argparse.Namespace, folder: Path, repeat: int, together: int
) -> list[list[str]]:
    """Return the command of the sweep."""
    model = [f"model={options.model}"]
    if options.model == "opt":
        shape = [f"++model.architecture.{k}={v}" for k, v in architecture(options).items()]
        model = ["model=tiny_opt", "tokenizer=kmer_3", *shape]
    return [
        [
            sys.executable, "-m", "dnaft.train", "-m", "task=csv", *model, "method=lora",
            *(f"task.source.{split}={folder / split}.csv" for split in SPLITS),
            f"method.rank={','.join(map(str, RANKS))}",
            f"method.optimizer.lr={','.join(map(str, RATES))}",
            f"trainer.max_epochs={options.epochs}", f"data.batch_size={BATCH}",
            f"data.eval_batch_size={EVAL_BATCH}", "progress=false",
            f"trainer.precision={'bf16-mixed' if options.bf16 else '32-true'}",
            f"output_dir={folder / f'out-{together}-{repeat}'}",
            f"cache_dir={folder / f'cache-{together}-{repeat}'}",
            f"hydra.launcher.together={together}",
        ]
    ]  # fmt: skip


def clock(options: argparse.Namespace) -> float:
    """Return seconds: of the wall, or of all processes that were waited for."""
    if not options.cpu_time:
        return time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(options: argparse.Namespace, commands: list[list[str]]) -> float:
    """Return how long the commands take, one after another."""
    begin = clock(options)
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return clock(options) - begin


def training_seconds(folder: Path) -> float:
    """Return the seconds of the training batches of all runs; runs of one pass share theirs."""
    records = [json.loads(file.read_text()) for file in folder.rglob("result.json")]
    return sum(r["timing"]["train_seconds"] / r["training"]["together"] for r in records)


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Print the table."""
    write_rows(folder, options.rows, options.length_bp)
    found: dict[str, list[float]] = {}
    for repeat in range(options.repeats):
        sides = {
            "dnaft": dnaft_commands(options, folder, repeat, 1),
            "together": dnaft_commands(options, folder, repeat, len(RANKS) * len(RATES)),
        }
        if options.model == "opt" and not options.no_hf:
            sides["hf"] = hf_commands(options, folder, repeat)
        for name, commands in sides.items():
            found.setdefault(name, []).append(seconds(options, commands))
            print(f"repeat {repeat + 1}, {name}: {found[name][-1]:.1f} s", file=sys.stderr)
        for name, count in (("dnaft", 1), ("together", len(RANKS) * len(RATES))):
            spent = training_seconds(folder / f"out-{count}-{repeat}")
            found.setdefault(f"{name}, training batches alone (wall)", []).append(spent)
    print("| side | seconds | side / together |\n|---|---|---|")
    for name, times in found.items():
        against = "together, training batches alone (wall)" if "alone" in name else "together"
        ratio = show_ratio(times, found[against])
        print(f"| {name} | {statistics.median(times):.1f} | {ratio} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--model", default="opt", help="opt, or one of conf/model")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.0, help="of the OPT")
    parser.add_argument("--rows", type=int, default=64, help="of train; an eighth for dev and test")
    parser.add_argument("--length-bp", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 mixed precision")
    parser.add_argument("--no-hf", action="store_true", help="leave the side of HF out")
    parser.add_argument("--cpu-time", action="store_true", help="of the processor, not wall")
    parser.add_argument("--folder", help="of one run of HF's side, in a process of its own")
    parser.add_argument("--rank", type=int)
    parser.add_argument("--rate", type=float)
    given = parser.parse_args()
    if given.folder:
        hf_run(given)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            measure(given, Path(scratch))

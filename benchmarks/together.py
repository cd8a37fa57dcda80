"""A sweep of three ranks and three learning rates: HF's Trainer, run after run, one pass for all.

    OMP_NUM_THREADS=1 python benchmarks/together.py
    python benchmarks/together.py --hidden 768 --layers 12 --rows 4000      # OPT-125M on a GPU
    python benchmarks/together.py --model yeast_mini --rows 4000            # dnaft alone

The same random OPT (or a model of dnaft), token ids, batches of 8 and epochs on all sides; dev is
scored after each epoch, test once. `hf` is what users of the usual stack start: a process for each
run, with its imports, `Trainer` and an adapter of PEFT (usual_run.py); its tokens are made before.
`dnaft` is one sweep of dnaft, run after run, `together` the same sweep with
hydra.launcher.together; both tokenise and write all their files. Each repeat does all sides in
turn. Seconds are of the wall, from the start of the first process to the end of the last, and of
the processor. Starts of adapters, heads and the order of rows are each side's own; so the dev
losses of the nine runs, which are compared, are near each other and not the same.
"""

import argparse
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

import torch
from runs import ROOT, read_csv
from tables import show_ratio
from transformers import OPTConfig, OPTModel
from usual_stack import opt_shape, write_rows, write_tokens

RANKS = (4, 8, 16)
RATES = (5e-4, 1e-3, 2e-3)
BATCH, EVAL_BATCH, POSITIONS = 8, 128, 512
USUAL = Path(__file__).with_name("usual_run.py")
Losses = dict[tuple[int, float], float]


def prepare(options: argparse.Namespace, folder: Path) -> None:
    """Write rows, tokens and the random model."""
    vocabulary, pad_id = write_tokens(folder, write_rows(folder, options.rows, options.length_bp))
    shape = opt_shape(options.hidden, options.layers, options.dropout, vocabulary, POSITIONS)
    torch.manual_seed(0)
    OPTModel(OPTConfig(**shape, pad_token_id=pad_id)).save_pretrained(folder / "base")


def hf_commands(options: argparse.Namespace, folder: Path) -> list[list[str]]:
    """Return a command for each run."""
    shared = [sys.executable, str(USUAL), str(folder), f"--epochs={options.epochs}"]
    shared += [f"--batch-size={BATCH}", f"--eval-batch-size={EVAL_BATCH}"]
    shared += ["--bf16"] if options.bf16 else []
    return [[*shared, f"--rank={rank}", f"--rate={rate}"] for rank in RANKS for rate in RATES]


def dnaft_commands(
    options: argparse.Namespace, folder: Path, repeat: int, together: int
) -> list[list[str]]:
    """Return the command of the sweep."""
    model = [f"model={options.model}"]
    if options.model == "opt":
        model = ["model=tiny_opt", "tokenizer=kmer_3", f"model.source={folder / 'base'}"]
        model += ["model.standardise_features=false"]
    return [
        [
            sys.executable, "-m", "dnaft.train", "-m", "task=csv", *model, "method=lora",
            *(f"task.source.{split}={folder / split}.csv" for split in ("train", "dev", "test")),
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


def processor_seconds() -> float:
    """Return seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(commands: list[list[str]]) -> tuple[float, float]:
    """Return how long the commands take, one after another: of the wall, of the processor."""
    wall, processor = time.perf_counter(), processor_seconds()
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - wall, processor_seconds() - processor


def dnaft_runs(folder: Path) -> tuple[float, Losses]:
    """Return seconds of the training batches of all runs, and dev losses after the last epoch."""
    spent, losses = 0.0, {}
    for file in folder.rglob("result.json"):
        record = json.loads(file.read_text())
        # Runs of one pass share its seconds.
        spent += record["timing"]["train_seconds"] / record["training"]["together"]
        method = record["config"]["method"]
        scored = [row["dev/loss"] for row in read_csv(file.parent / "metrics.csv")]
        losses[method["rank"], method["optimizer"]["lr"]] = float(
            [loss for loss in scored if loss][-1]
        )
    return spent, losses


def hf_runs(folder: Path) -> tuple[float, Losses]:
    """Return the sum of `train_runtime`, and dev losses after the last epoch."""
    runs: list[dict[str, Any]] = [json.loads(f.read_text()) for f in folder.glob("usual-*.json")]
    losses = {(run["rank"], run["rate"]): run["dev_loss"] for run in runs}
    return sum(run["train_seconds"] for run in runs), losses


def show_losses(losses: dict[str, Losses]) -> None:
    """Print how far the dev losses of each side are from those of one pass."""
    ours = losses["together"]
    for name, found in losses.items():
        if found.keys() != ours.keys():
            sys.exit(f"{name}: {len(found)} runs, together: {len(ours)}")
        if name != "together":
            apart = max(abs(found[run] - ours[run]) for run in ours)
            print(
                f"\nDev losses after the last epoch, {min(ours.values()):.4f} to "
                f"{max(ours.values()):.4f} in one pass, differ from those of `{name}` by "
                f"{apart:.1e} at most."
            )


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Print the table, and how far the losses are apart."""
    prepare(options, folder)
    walls: dict[str, list[float]] = {}
    processors: dict[str, list[float]] = {}
    batches: dict[str, list[float]] = {}
    losses: dict[str, Losses] = {}
    many = len(RANKS) * len(RATES)
    for repeat in range(options.repeats):
        sides = {
            "dnaft": dnaft_commands(options, folder, repeat, 1),
            "together": dnaft_commands(options, folder, repeat, many),
        }
        if options.model == "opt" and not options.no_hf:
            sides = {"hf": hf_commands(options, folder), **sides}
        for name, commands in sides.items():
            wall, processor = seconds(commands)
            walls.setdefault(name, []).append(wall)
            processors.setdefault(name, []).append(processor)
            print(f"repeat {repeat + 1}, {name}: {wall:.1f} s", file=sys.stderr)
            count = many if name == "together" else 1
            out = folder / f"out-{count}-{repeat}"
            spent, losses[name] = hf_runs(folder) if name == "hf" else dnaft_runs(out)
            batches.setdefault(name, []).append(spent)
    first = next(iter(walls))
    head = ["side"]
    for kind in ("wall", "processor", "training alone, wall"):
        head += [f"{kind}, s", f"{first} / side, {kind}"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name in walls:
        cells = [f"`{name}`"]
        for found in (walls, processors, batches):
            cells += [
                f"{statistics.median(found[name]):.1f}",
                show_ratio(found[first], found[name]),
            ]
        print(f"| {' | '.join(cells)} |")
    print(
        "\nTraining alone: dnaft's batches; of `hf` `train_runtime`, which has its looks at dev "
        "and checkpoints in it."
    )
    show_losses(losses)
    for name, commands in sides.items():
        line = " ".join(["python", *commands[0][1:]]).replace(str(folder), "FOLDER")
        line = line.replace(f"{ROOT}/", "")
        print(f"\n`{name}`, {len(commands)} of:\n\n    {line}")


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
    with tempfile.TemporaryDirectory() as scratch:
        measure(parser.parse_args(), Path(scratch))

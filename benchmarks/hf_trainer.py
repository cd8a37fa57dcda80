"""The same fine-tuning by the usual stack, HF's Trainer with PEFT, and by dnaft, in turn.

    OMP_NUM_THREADS=1 python benchmarks/hf_trainer.py --check
    python benchmarks/hf_trainer.py --hidden 768 --layers 12 --steps 4      # OPT-125M's shape
    python benchmarks/hf_trainer.py --bf16 --override fast.frozen_bf16=false

Both sides have an OPT with the same random weights, the same adapters at the start, the same
batches of tokens, dropout, optimiser, schedule and clipping; in float32, or as --bf16 and
--defaults say. Each repeat trains both for some steps, one after the other; the ratio is the median
of the repeats', with quartiles. The first step of a repeat is not timed. On one thread of a
processor the clock is that of the process, which a shared machine disturbs least. AdaLoRA's
allocator is called in each step by hand on HF's side: left to itself PEFT's never prunes.
Evaluation is that between two epochs. Memory: the most a process of its own held while it trained,
less what it held after a tiny run, which imports everything. --check compares the losses of every
step without dropout, and their mean with it, and fails if they differ.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from hf_check import check, check_dropout
from hf_sides import SIDES, give_back_memory
from hf_work import Work
from tables import show_ratio

METHODS = ("lora", "dora", "adalora_rs")
MEMORY_STEPS = 3  # the second holds as much as any later one
TINY = {"hidden": 64, "layers": 1, "vocabulary": 64, "batch": 2, "tokens": 8}


def clock() -> float:
    """Return seconds: of this process on one thread of a processor, else of the wall."""
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    return time.process_time() if alone else time.perf_counter()


def ratio(repeats: int, first: Callable[[], float], second: Callable[[], float]) -> str:
    """Return first / second over repeats in turn."""
    return show_ratio(*zip(*((first(), second()) for _ in range(repeats)), strict=True))


def measure(method: str, options: argparse.Namespace) -> tuple[str, list[str]]:
    """Return a line of the table, and what both sides set."""
    work = Work(method, options)
    usual, ours = (SIDES[name](work, clock) for name in ("hf", "dnaft"))
    usual.train()  # caches and allocators warm
    ours.train()
    training = ratio(options.repeats, usual.train, ours.train)
    evaluation = ratio(options.repeats, usual.evaluate, ours.evaluate)
    memory = "-"
    if options.memory:
        # The smaller is ours: dnaft / HF.
        peaks = (lambda name=name: peak_of_process(name, method) for name in ("dnaft", "hf"))
        memory = ratio(options.memory, *peaks)
    row = f"| `{method}` | {training} | {evaluation} | {memory} |"
    return row, [usual.describe(), ours.describe()]


def peak_of_process(side: str, method: str) -> float:
    """Return the bytes that a side takes beyond its imports, in a process of its own (Linux)."""
    command = [sys.executable, *sys.argv, "--methods", method, "--only", side]
    command += ["--steps", str(MEMORY_STEPS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return float(json.loads(done.stdout.splitlines()[-1])["bytes"])


def train_alone(side: str, options: argparse.Namespace) -> None:
    """Train one side, and print the most bytes that it held meanwhile."""
    tiny = argparse.Namespace(**{**vars(options), **TINY})
    SIDES[side](Work(options.methods, tiny), clock).train()  # what is imported on the way
    give_back_memory()
    before = held("VmRSS")
    built = SIDES[side](Work(options.methods, options), clock)
    give_back_memory()
    # Forgets the most that was held: imports, and weights on their way into the model.
    Path("/proc/self/clear_refs").write_text("5")
    built.train()
    print(json.dumps({"bytes": held("VmHWM") - before}))


def held(what: str) -> int:
    """Return bytes that this process holds (VmRSS), or the most it held (VmHWM); Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def print_table(options: argparse.Namespace) -> None:
    """Print the table, and below it what both sides set."""
    head = ["method", "HF / dnaft, training", "HF / dnaft, evaluation", "dnaft / HF, memory"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    said = {}
    for method in options.methods.split(","):
        row, said[method] = measure(method, options)
        print(row, flush=True)
    for method, settings in said.items():
        print(f"\n`{method}`:\n")
        for line in settings:
            print(f"    {line}")


def arguments(**defaults: int) -> argparse.Namespace:
    """Return the command line.

    Args:
        defaults: Other defaults than those of this benchmark.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--methods", default=",".join(METHODS), help="by commas")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--vocabulary", type=int, default=2048, help="OPT-125M: 50272")
    parser.add_argument("--batch", type=int, default=8, help="rows a batch")
    parser.add_argument("--tokens", type=int, default=172, help="tokens a row")
    parser.add_argument("--steps", type=int, default=8, help="of a repeat, the first not timed")
    parser.add_argument("--repeats", type=int, default=9, help="0: no table")
    parser.add_argument("--dropout", type=float, default=0.1, help="of model and adapters")
    parser.add_argument(
        "--override", action="append", default=[], help="of dnaft, such as fast.dropout=false"
    )
    precisions = parser.add_mutually_exclusive_group()
    precisions.add_argument("--bf16", action="store_true", help="both in bfloat16 mixed precision")
    precisions.add_argument(
        "--defaults", action="store_true", help="each in its default: float32, and dnaft's auto"
    )
    parser.add_argument("--memory", type=int, default=0, help="repeats of measuring memory")
    parser.add_argument("--check", action="store_true", help="compare losses")
    parser.add_argument("--only", choices=tuple(SIDES), help="train one side, print its memory")
    parser.set_defaults(**defaults)
    return parser.parse_args()


def quiet() -> None:
    """Let no library talk in between."""
    warnings.simplefilter("ignore")
    for name in ("lightning", "transformers", "lightning.pytorch", "dnaft"):
        logging.getLogger(name).setLevel(logging.ERROR)


def main() -> None:
    """Print the table, and whether both did the same."""
    quiet()
    options = arguments()
    with tempfile.TemporaryDirectory() as options.folder:
        if options.only:
            train_alone(options.only, options)
            return
        if options.repeats:
            print_table(options)
        if options.check:
            for method in options.methods.split(","):
                print(f"\n{check(method, options)}", flush=True)
                print(f"\n{check_dropout(method, options)}", flush=True)


if __name__ == "__main__":
    main()

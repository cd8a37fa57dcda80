"""The same fine-tuning by the usual stack, HF's Trainer with PEFT, and by dnaft, in turn.

    OMP_NUM_THREADS=1 python benchmarks/hf_trainer.py
    python benchmarks/hf_trainer.py --hidden 768 --layers 12 --steps 4      # OPT-125M's shape

Both sides have an OPT with the same random weights, the same adapters at the start, the same
batches of tokens, dropout, optimiser, schedule and clipping; in float32, or as --bf16 and
--defaults say. Each repeat trains both for some steps, one after the other; the ratio is the median
of the repeats', with quartiles. The first step of a repeat is not timed. On one thread of a
processor the clock is that of the process, which a shared machine disturbs least. AdaLoRA's
allocator is called in each step by hand on HF's side: left to itself PEFT's never prunes. Memory:
the most a process of its own held less what it held after the imports.
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
from hf_sides import SIDES, Side, Work
from tables import show_ratio

METHODS = ("lora", "dora", "adalora_rs", "linear_probe")


def clock() -> float:
    """Return seconds: of this process on one thread of a processor, else of the wall."""
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    return time.process_time() if alone else time.perf_counter()


def ratio(repeats: int, first: Callable[[], float], second: Callable[[], float]) -> str:
    """Return first / second over repeats in turn."""
    return show_ratio(*zip(*((first(), second()) for _ in range(repeats)), strict=True))


def measure(method: str, options: argparse.Namespace) -> str:
    """Return a line of the table."""
    work = Work(method, options)
    usual, ours = (SIDES[name](work, clock) for name in ("hf", "dnaft"))
    usual.train()  # caches and allocators warm
    ours.train()
    training = ratio(options.repeats, usual.train, ours.train)
    evaluation = ratio(options.repeats, usual.evaluate, ours.evaluate)
    memory = "-"
    if options.memory:
        peaks = [peak_of_process(name, method) for name in SIDES]
        memory = f"{peaks[1] / peaks[0]:.2f}"
    return (
        f"| `{method}` | {training} | {evaluation} | {memory} | {usual.last_loss:.4f} "
        f"| {ours.last_loss:.4f} |"
    )


def peak_of_process(side: str, method: str) -> float:
    """Return the bytes that a side takes beyond its imports, in a process of its own (Linux)."""
    command = [sys.executable, *sys.argv, "--methods", method, "--only", side]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(json.loads(printed.splitlines()[-1])["bytes"])


def held(what: str) -> int:
    """Return bytes that this process holds (VmRSS), or the most it held (VmHWM); Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    for name in ("lightning", "transformers"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--methods", default=",".join(METHODS), help="by commas")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=8, help="rows a batch")
    parser.add_argument("--tokens", type=int, default=172, help="tokens a row")
    parser.add_argument("--steps", type=int, default=8, help="of a repeat, the first not timed")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--dropout", type=float, default=0.1, help="of model and adapters")
    precisions = parser.add_mutually_exclusive_group()
    precisions.add_argument("--bf16", action="store_true", help="both in bfloat16 mixed precision")
    precisions.add_argument(
        "--defaults", action="store_true", help="each in its default: float32, and dnaft's auto"
    )
    parser.add_argument("--memory", action="store_true", help="also measure memory")
    parser.add_argument("--only", choices=tuple(SIDES), help="train one side, print its memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as options.folder:
        if options.only:
            before = held("VmRSS")
            Path("/proc/self/clear_refs").write_text("5")  # forgets the most, which imports held
            side: Side = SIDES[options.only](Work(options.methods, options), clock)
            side.train()
            print(json.dumps({"bytes": held("VmHWM") - before}))
            return
        head = ["method", "HF / dnaft, training", "HF / dnaft, evaluation"]
        head += ["dnaft / HF, memory", "loss, HF", "loss, dnaft"]
        print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
        for method in options.methods.split(","):
            print(measure(method, options), flush=True)


if __name__ == "__main__":
    main()

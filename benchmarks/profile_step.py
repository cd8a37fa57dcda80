"""Where LoRA spends its time, and how fast matrix products are: the limits of hf_trainer.py.

    OMP_NUM_THREADS=1 python benchmarks/profile_step.py

OPT-125M's shape, 8 rows of 172 tokens, dropout 0.1; steps and evaluation in float32, steps in
bfloat16 mixed precision. The profile is torch's, which itself takes time: only its shares mean
anything. A product is one of the step, rows times a matrix of fc1.
"""

import statistics
import tempfile
import time
from collections.abc import Callable

import torch
from hf_sides import SIDES
from hf_trainer import arguments, quiet
from hf_work import Work
from tables import show_ratio
from torch.profiler import ProfilerActivity, profile

SHOWN, REPEATS = 4, 9


def show_profile(name: str, work: Callable[[], object]) -> None:
    """Print the operations that take most of the processor's time."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        work()
    took = {event.key: event.self_cpu_time_total for event in found.key_averages()}
    total = sum(took.values())
    for key in sorted(took, key=lambda key: took[key], reverse=True)[:SHOWN]:
        print(f"| {name} | `{key}` | {took[key] / total:.0%} |", flush=True)


def show_products(rows: int, hidden: int) -> None:
    """Print how fast a product is in both precisions, in turn."""
    rates: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    operations = 2 * rows * hidden * 4 * hidden
    for repeat in range(REPEATS + 1):
        for dtype, found in rates.items():
            x, weight = torch.randn(rows, hidden).to(dtype), torch.randn(4 * hidden, hidden)
            matrix = weight.to(dtype).T
            begin = time.process_time()
            x @ matrix
            if repeat:
                found.append(operations / (time.process_time() - begin) / 1e9)
    single, half = rates.values()
    print("\n| product | float32, GFLOP/s | bfloat16, GFLOP/s | bfloat16 / float32 |")
    print("|---|---|---|---|")
    medians = f"{statistics.median(single):,.0f} | {statistics.median(half):,.0f}"
    print(f"| {rows} x {hidden} x {4 * hidden} | {medians} | {show_ratio(half, single)} |")


def main() -> None:
    """Print both tables."""
    quiet()
    options = arguments(hidden=768, layers=12, vocabulary=50272, steps=2)
    print("| what | operation | share of the processor's time |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as options.folder:
        for options.bf16 in (False, True):
            work = Work("lora", options)
            for name, kind in SIDES.items():
                side = kind(work, time.process_time)
                show_profile(f"{name}, {'bfloat16' if options.bf16 else 'float32'}", side.train)
                if not options.bf16:
                    show_profile(f"{name}, evaluation", side.evaluate)
    show_products(options.batch * options.tokens, options.hidden)


if __name__ == "__main__":
    main()

"""Seconds until a command answers: --help, and a run up to its first optimiser step.

python benchmarks/startup.py [--against OTHER_CHECKOUT] [--repeats 5]

Seconds of the processor (user and system), which a busy machine changes less than the clock's, and
the clock's. The first run of each checkout fills the cache of tokenised sequences and is not
counted. With --against the two checkouts take turns.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TASK = ["task=yeast_tata", "model=yeast_mini", "method=lora", "progress=false"]
COMMANDS = {
    "train --help": ["-m", "dnaft.train", "--help"],
    "pretrain --help": ["-m", "dnaft.pretrain", "--help"],
    "export --help": ["-m", "dnaft.export", "--help"],
    "data --help": ["-m", "dnaft.data", "--help"],
    "train --cfg job": ["-m", "dnaft.train", "--cfg", "job"],
    "first step of training": [__file__, "--child", *TASK],
}


def child(arguments: list[str]) -> None:
    """Run the command up to the end of its first backward pass, then end the process."""
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    from dnaft.train import main

    def stop(*_: object) -> None:
        os._exit(0)

    register_optimizer_step_pre_hook(stop)
    sys.argv = ["dnaft.train", *arguments]
    main()


def measure(checkout: Path, arguments: list[str], folder: Path) -> tuple[float, float]:
    """Return seconds of the processor and of the clock."""
    env = os.environ | {"PYTHONPATH": str(checkout), "DNAFT_CACHE_DIR": str(folder / "cache")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock


def main() -> None:
    """Print a row a command and checkout: medians."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=COMMANDS)
    chosen = parser.parse_args()
    checkouts = [Path(__file__).resolve().parents[1]]
    checkouts += [chosen.against.resolve()] if chosen.against else []
    print("| command | checkout | processor, s | clock, s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in COMMANDS.items():
            if chosen.only in (None, name):
                seen: list[list[tuple[float, float]]] = [[] for _ in checkouts]
                for repeat in range(chosen.repeats + 1):
                    for times, checkout in zip(seen, checkouts, strict=True):
                        taken = measure(checkout, arguments, Path(folder))
                        times += [taken] if repeat else []
                for times, checkout in zip(seen, checkouts, strict=True):
                    cpu, clock = (statistics.median(column) for column in zip(*times, strict=True))
                    print(f"| {name} | {checkout.name} | {cpu:.2f} | {clock:.2f} |", flush=True)


if __name__ == "__main__":
    main()

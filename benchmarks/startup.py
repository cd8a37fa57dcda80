"""Seconds until a command answers: --help, and a run up to its first optimiser step.

python benchmarks/startup.py [--against OTHER_CHECKOUT] [--repeats 5]

Seconds of the processor (user and system), which a busy machine changes less than the clock's, and
the clock's. The first run of each checkout fills the cache of tokenised sequences and is not
counted; then medians with quartiles. With --against the two checkouts take turns. The second table
is of imports: the packages that take longest until the first step, with all that they import first.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TASK = ["task=yeast_tata", "model=yeast_mini", "method=lora", "progress=false"]
FIRST_STEP, IMPORTS = "first step of training", 5
COMMANDS = {
    "train --help": ["-m", "dnaft.train", "--help"],
    "pretrain --help": ["-m", "dnaft.pretrain", "--help"],
    "export --help": ["-m", "dnaft.export", "--help"],
    "data --help": ["-m", "dnaft.data", "--help"],
    "train --cfg job": ["-m", "dnaft.train", "--cfg", "job"],
    FIRST_STEP: [__file__, "--child", *TASK],
}


def child(arguments: list[str]) -> None:
    """Run the command until its optimiser has stepped once, then end the process."""
    # Not the hook before a step: Lightning computes the loss within it.
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from dnaft.train import main

    def stop(*_: object) -> None:
        os._exit(0)

    register_optimizer_step_post_hook(stop)
    sys.argv = ["dnaft.train", *arguments]
    main()


def show_imports(checkout: Path, folder: Path) -> None:
    """Print the packages that take longest to import before the first step."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *COMMANDS[FIRST_STEP]],
        cwd=folder,
        env=surroundings(checkout, folder),
        check=True,
        capture_output=True,
        text=True,
    )
    took: dict[str, float] = {}
    for line in done.stderr.splitlines():
        # "import time: self [us] | cumulative | name", names indented by depth.
        cells = [cell.strip() for cell in line.removeprefix("import time:").split("|")]
        if len(cells) == 3 and cells[1].isdigit() and "." not in cells[2]:
            took[cells[2]] = int(cells[1]) / 1e6
    print("\n| import, with what it imports first | s |\n|---|---|")
    for name in sorted(took, key=lambda name: took[name], reverse=True)[:IMPORTS]:
        print(f"| `{name}` | {took[name]:.2f} |")


def surroundings(checkout: Path, folder: Path) -> dict[str, str]:
    """Return the environment of a command."""
    return os.environ | {"PYTHONPATH": str(checkout), "DNAFT_CACHE_DIR": str(folder / "cache")}


def measure(checkout: Path, arguments: list[str], folder: Path) -> tuple[float, float]:
    """Return seconds of the processor and of the clock."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=surroundings(checkout, folder),
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
    from tables import show_spread  # SciPy, which must not be in the child's time

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=COMMANDS)
    chosen = parser.parse_args()
    checkouts = [Path(__file__).resolve().parents[1]]
    checkouts += [chosen.against.resolve()] if chosen.against else []
    several = len(checkouts) > 1
    print(f"| command |{' checkout |' if several else ''} processor, s | clock, s |")
    print("|---" * (3 + several) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in COMMANDS.items():
            if chosen.only in (None, name):
                seen: list[list[tuple[float, float]]] = [[] for _ in checkouts]
                for repeat in range(chosen.repeats + 1):
                    for times, checkout in zip(seen, checkouts, strict=True):
                        taken = measure(checkout, arguments, Path(folder))
                        times += [taken] if repeat else []
                for times, checkout in zip(seen, checkouts, strict=True):
                    cpu, clock = (show_spread(column) for column in zip(*times, strict=True))
                    which = f" {checkout.name} |" if several else ""
                    print(f"| {name} |{which} {cpu} | {clock} |", flush=True)
        if chosen.only in (None, FIRST_STEP):
            show_imports(checkouts[0], Path(folder))


if __name__ == "__main__":
    main()

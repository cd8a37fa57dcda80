"""docs/benchmarks.md: each benchmark in turn, what it prints put into the page.

    python benchmarks/bench.py [--jobs N] [--only NAME ...] [--only-report]

What a benchmark prints is kept in outputs/bench, so this can be stopped and started; --only
measures single ones again. If one fails the others are measured all the same, and the page is
written once all are there. Close other programs first: two sides in turn share what disturbs them,
and spread shows what they do not share. All compute on one thread. --jobs measures several at a
time, each bound to a core of its own, in a part of the hours; the page says so.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import kept
from runs import ROOT
from study import DOCS, fill
from target_list import TARGETS
from targets import show_targets

from dnaft.environment import usable_cores

_SMALL = "hf_trainer.py --methods lora,adalora_rs"
_OPT = "--hidden 768 --layers 12 --vocabulary 50272 --steps 4 --repeats 4"
# Each name stands in bench.md.in for the table that its command prints.
COMMANDS = {
    "hf_float32": "hf_trainer.py --memory 3 --check",
    "hf_plain_dora": "hf_trainer.py --methods dora --dropout 0",
    "hf_defaults": f"{_SMALL} --defaults --memory 3 --check",
    "hf_bf16": f"{_SMALL} --bf16 --memory 3 --check",
    "hf_opt_float32": f"hf_trainer.py --methods lora,adalora_rs,dora {_OPT} --memory 1",
    "hf_opt_plain_dora": f"hf_trainer.py --methods dora --dropout 0 {_OPT}",
    "hf_opt_defaults": f"{_SMALL} {_OPT} --defaults --memory 1",
    "hf_opt_bf16": f"{_SMALL} {_OPT} --bf16 --memory 1",
    "hf_without_fused": "hf_trainer.py --methods lora --override fast.fused_adapters=false",
    "hf_without_dropout": "hf_trainer.py --methods lora --override fast.dropout=false",
    "hf_without_bf16": "hf_trainer.py --methods lora --bf16 --memory 3 "
    "--override fast.frozen_bf16=false",
    "profile": "profile_step.py",
    "precision": "precision.py",
    "frozen": "frozen_cache.py --repeats 3",
    "frozen_large": "frozen_cache.py --hidden 384 --rows 96 --length_bp 300 --repeats 2",
    "together": "together.py --repeats 3",
    "together_large": "together.py --rows 256 --length-bp 300",
    "tokenizers": "kmer_tokenizers.py",
    "allocation": "rank_allocation.py --steps 10",
    "startup": "startup.py",
    "fused": "fused_adapters.py --models yeast_mini --batch 32 --tokens 302 --repeats 5",
    "dropout": "dropout.py --repeats 5",
    "backbones": "backbones.py --batch 4 --tokens 128 --repeats 3 "
    "--models nucleotide_unet,hyenadna_tiny_1k,dnabert2,nt_v2_50m,moderngena_base",
    "backbones_bf16": "backbones.py --bf16 --batch 2 --tokens 256 --repeats 3 "
    "--models nucleotide_unet,hyenadna_tiny_1k,dnabert2,nt_v2_50m,moderngena_base",
}


# One side may use all cores, or seconds of the clock count as such: never beside another benchmark.
ALONE = ("tokenizers", "startup")


def measure(name: str, at_a_time: int = 1) -> str | None:
    """Run a benchmark and keep what it prints; if it fails return what it said."""
    command = [sys.executable, *f"benchmarks/{COMMANDS[name]}".split()]
    print(f"{name}: benchmarks/{COMMANDS[name]}", flush=True)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return f"{name}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    kept.keep(name, done.stdout, at_a_time)
    return None


def measure_all(names: Iterable[str], jobs: int) -> list[str]:
    """Run benchmarks, `jobs` at a time, and return what those that failed said."""
    together = [name for name in names if jobs > 1 and name not in ALONE]
    cores: SimpleQueue[int] = SimpleQueue()
    for core in sorted(os.sched_getaffinity(0))[:jobs] if together else ():
        cores.put(core)

    def measure_bound(name: str) -> str | None:
        core = cores.get()
        os.sched_setaffinity(0, {core})  # of this thread; its processes take it over
        failure = measure(name, jobs)
        cores.put(core)
        return failure

    with ThreadPoolExecutor(jobs) as pool:
        failures = list(pool.map(measure_bound, together))
    failures += [measure(name) for name in names if name not in together]
    return [failure for failure in failures if failure is not None]


def write_page(file: Path) -> None:
    """Write the page from what is kept."""
    usual = kept.commonest(COMMANDS)
    values = {name: kept.show(name, command, usual) for name, command in COMMANDS.items()}
    fill(
        "bench",
        values | {"machine": kept.show_facts(usual), "targets": show_targets(TARGETS)},
        file,
    )


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1, help="at a time, each on a core (Linux)")
    parser.add_argument("--only", nargs="+", choices=COMMANDS, metavar="NAME", default=[])
    parser.add_argument("--only-report", action="store_true", help="from what is kept alone")
    options = parser.parse_args()
    wanted = options.only
    if not wanted and not options.only_report:
        wanted = [name for name in COMMANDS if not kept.is_kept(name)]
    most = usable_cores() if hasattr(os, "sched_setaffinity") else 1
    if not 1 <= options.jobs <= most:
        parser.error(f"--jobs {options.jobs}: 1 to {most} here, each bound to a core")
    if failures := measure_all(wanted, options.jobs):
        sys.exit("\n\n".join(failures))
    missing = [name for name in COMMANDS if not kept.is_kept(name)]
    if missing:
        sys.exit(f"the page lacks {', '.join(missing)}: python benchmarks/bench.py")
    write_page(DOCS / "benchmarks.md")


if __name__ == "__main__":
    main()

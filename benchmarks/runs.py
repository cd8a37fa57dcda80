"""Many runs of `dnaft.train`, some at a time, each made once: what the reports share.

A run is known by its overrides. What is finished in the output folder is not made again, so a
report can be stopped and started, and takes in new runs. Each run is a process of its own, forked
from one that has imported everything: imports would be a tenth of a run of minutes.
"""

import csv
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from tables import Row

from dnaft import record
from dnaft.environment import usable_cores
from dnaft.record import RunRecord
from dnaft.run_folder import RESULT
from dnaft.train import main

ROOT = Path(__file__).resolve().parents[1]
Overrides = tuple[str, ...]
_IMPORTED = ("dnaft.command_line", "dnaft.fine_tune_run", "dnaft.baseline_run", "pydantic")
# Where a run lies, and how much it prints, make no other run of it.
_OUTSIDE = ("output_dir=", "progress=", "resume=", "data_dir=")


def read_runs(output: Path) -> dict[frozenset[str], RunRecord]:
    """Return the finished runs in a folder by their overrides."""
    runs = {}
    for file in sorted(output.glob(f"*/*/*/*/{RESULT}")):
        typed = yaml.safe_load((file.parent / ".hydra" / "overrides.yaml").read_text())
        runs[frozenset(part for part in typed if not part.startswith(_OUTSIDE))] = record.read(file)
    return runs


def make_runs(
    wanted: Iterable[Overrides], output: Path, jobs: int, outside: Overrides = ()
) -> dict[frozenset[str], RunRecord]:
    """Make the runs that are missing; a failure ends it when those that are under way have ended.

    Args:
        wanted: Overrides of each run.
        output: Folder of all runs.
        jobs: Runs at a time; they share the cores, unless OMP_NUM_THREADS says otherwise.
        outside: Overrides for all that are not part of a run's name, such as `data_dir=`.

    Returns:
        All finished runs in the folder.
    """
    finished = read_runs(output)
    missing = [run for run in dict.fromkeys(wanted) if frozenset(run) not in finished]
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // jobs)))
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(list(_IMPORTED))
    scratch = tempfile.TemporaryDirectory()

    def make(number: int, run: Overrides) -> None:
        printed = Path(scratch.name) / str(number)
        arguments = [*run, *outside, f"output_dir={output}", "progress=false"]
        process = processes.Process(target=_train, args=(arguments, printed))
        process.start()
        process.join()
        if process.exitcode:
            text = printed.read_text(encoding="utf-8", errors="replace")
            raise SystemExit(f"{' '.join(run)}: exit {process.exitcode}\n{text}")
        print(f"{number} of {len(missing)}: {' '.join(run)}", flush=True)

    pool = ThreadPoolExecutor(jobs)
    try:
        for future in [pool.submit(make, n, run) for n, run in enumerate(missing, 1)]:
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        scratch.cleanup()
    return read_runs(output) if missing else finished


def _train(arguments: list[str], printed: Path) -> None:
    """Be `python -m dnaft.train` with these arguments; what it prints goes to a file."""
    with printed.open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    os.chdir(ROOT)
    sys.argv = ["dnaft.train", *arguments]
    main()


def write_csv(rows: list[Row], file: Path) -> None:
    """Write the numbers of all runs."""
    with file.open("w", newline="") as content:
        writer = csv.DictWriter(content, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(file: Path) -> list[Row]:
    """Read what `write_csv` wrote."""
    with file.open(newline="") as content:
        return list(csv.DictReader(content))

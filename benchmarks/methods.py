"""Methods side by side: docs/method_results.md, from runs that are made where they are missing.

    python benchmarks/methods.py --data-dir FOLDER [--jobs N] [--only-report]

FOLDER holds GUE's files (docs/data.md). Four parts, each from runs of equal length:

1. a sweep: each method at four learning rates on three tasks, one seed; dev chooses the rate;
2. each method at its rate on four tasks, three seeds, beside the baselines;
3. the options of rank sampling, on the tasks of the sweep, three seeds;
4. LoRA, AdaLoRA and AdaLoRA+RS at one budget on ten tasks, five seeds.

Finished runs in outputs/methods are kept, so this can be stopped and started again. The numbers of
all runs go to docs/method_results.csv, beside the page.
"""

import argparse
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import methods_page
from methods_page import (
    BASELINES,
    CLAIM,
    CLAIM_SEEDS,
    CLAIM_TASKS,
    METRICS,
    OPTIONS,
    RATES,
    SEEDS,
    SWEEP_TASKS,
    TABLE_TASKS,
    Numbers,
)
from runs import ROOT, Overrides, make_runs, write_csv
from tables import Row

from dnaft.record import RunRecord

DOCS = ROOT / "docs"
CSV = DOCS / "method_results.csv"
BUDGET = (
    "model=yeast_mini",
    "trainer.max_steps=150",
    "trainer.max_epochs=-1",
    "trainer.val_check_interval=50",
    "trainer.check_val_every_n_epoch=null",
)


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        task: Task.
        method: Method.
        seed: Seed.
        rate: Learning rate as text, empty for a baseline.
        option: Name of the option of rank sampling that differs from the default, or nothing.
    """

    task: str
    method: str
    seed: int
    rate: str = ""
    option: str = ""

    def overrides(self) -> Overrides:
        """Return what the command line of this run says."""
        parts = [f"task={self.task}", f"method={self.method}", f"seed={self.seed}"]
        if self.rate:
            parts += [f"method.optimizer.lr={self.rate}", *BUDGET]
        return (*parts, *OPTIONS.get(self.option, ()))


def sweep_cells() -> list[Cell]:
    """Return the runs that choose the learning rates."""
    return [
        Cell(task, method, SEEDS[0], rate)
        for method, rates in RATES.items()
        for rate in rates
        for task in SWEEP_TASKS
    ]


def chosen_cells(rate: Callable[[str], str]) -> list[Cell]:
    """Return the runs of the three comparisons.

    Args:
        rate: Gives the learning rate that dev chose for a method.
    """
    tasks = dict.fromkeys((*TABLE_TASKS, *CLAIM_TASKS))
    cells = [Cell(task, method, 1) for task in tasks for method in BASELINES]
    cells += [
        Cell(task, method, seed, rate(method))
        for seed in SEEDS
        for method in RATES
        for task in TABLE_TASKS
    ]
    cells += [
        Cell(task, "adalora_rs", seed, rate("adalora_rs"), option)
        for seed in SEEDS
        for option in ("", *OPTIONS)
        for task in SWEEP_TASKS
    ]
    cells += [
        Cell(task, method, seed, rate(method))
        for seed in CLAIM_SEEDS
        for task in CLAIM_TASKS
        for method in CLAIM
    ]
    return list(dict.fromkeys(cells))


def to_row(cell: Cell, run: RunRecord) -> Row:
    """Return a line of the csv."""
    names = [(split, metric) for split in ("dev", "test") for metric in METRICS]
    return {
        "task": cell.task,
        "method": cell.method,
        "option": cell.option,
        "seed": str(cell.seed),
        "lr": cell.rate,
        **{f"{split}_{name}": f"{run.scores[split][name]:.4f}" for split, name in names},
        "trainable": str(run.parameters["trainable"]),
        "seconds": f"{run.timing['seconds']:.1f}",
        "train_seconds": f"{run.timing.get('train_seconds', 0):.1f}",
        "megabytes": f"{run.memory.get('process_bytes', 0) / 1e6:.0f}",
    }


def main() -> None:
    """Make what is missing, then the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with GUE's files")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only-report", action="store_true", help="from finished runs alone")
    options = parser.parse_args()
    output = ROOT / "outputs" / "methods"
    data = (f"data_dir={Path(options.data_dir).resolve()}",)

    def rows_of(wanted: Iterable[Cell]) -> list[Row]:
        wanted = list(wanted)
        runs = [] if options.only_report else [cell.overrides() for cell in wanted]
        finished = make_runs(runs, output, options.jobs, data)
        found = [(cell, finished.get(frozenset(cell.overrides()))) for cell in wanted]
        return [to_row(cell, run) for cell, run in found if run is not None]

    first = sweep_cells()
    numbers = Numbers(rows_of(first))
    rows = numbers.rows + rows_of(c for c in chosen_cells(numbers.rate) if c not in first)
    write_csv(rows, CSV)
    methods_page.write(rows, DOCS)


if __name__ == "__main__":
    main()

"""What pretraining gives: docs/embedded.md, from runs that are made where they are missing.

    python benchmarks/embedded.py [--jobs N] [--only-report]

Each task of the yeast suite with one label, each method, the pretrained model and the same
architecture with random weights, three seeds, and the two baselines. Each method has the learning
rate that dev of two tasks prefers, for pretrained and for random weights apart: the first runs are
that sweep. `--jobs` runs at a time share the cores. Finished runs in outputs/embedded are kept, so
this can be stopped and started again. The numbers of all runs go to docs/embedded.csv, beside the
page.
"""

import argparse
import hashlib
import os
from dataclasses import dataclass

import embedded_page
from embedded_page import (
    BASELINES,
    METHODS,
    METRICS,
    RATES,
    SEEDS,
    SWEEP_TASKS,
    TASKS,
    WEIGHTS,
    Numbers,
)
from runs import ROOT, Overrides, make_runs, write_csv
from tables import Row

from dnaft.models.checkpoint import find_checkpoint
from dnaft.record import RunRecord

DOCS = ROOT / "docs"
CSV = DOCS / "embedded.csv"
MODEL = "yeast_mini"
BUDGET = (
    "trainer.max_steps=250",
    "trainer.max_epochs=-1",
    "trainer.val_check_interval=50",
    "trainer.check_val_every_n_epoch=null",
)


@dataclass(frozen=True)
class Cell:
    """One run of the table.

    Attributes:
        task: Task of the suite, without its prefix.
        weights: `pretrained`, `random`, or `none` for a baseline.
        method: Method.
        seed: Seed; baselines have none and take 1.
        rate: Learning rate as text, empty for a baseline.
    """

    task: str
    weights: str
    method: str
    seed: int
    rate: str = ""

    def overrides(self) -> Overrides:
        """Return what the command line of this run says."""
        parts = [f"task=yeast_{self.task}", f"method={self.method}", f"seed={self.seed}"]
        if self.weights != "none":
            parts += [f"model={MODEL}", f"method.optimizer.lr={self.rate}", *BUDGET]
        if self.weights == "random":
            parts += ["model.source=null"]
        return tuple(parts)


def sweep_cells() -> list[Cell]:
    """Return the runs that choose the learning rates, and the baselines."""
    baselines = [Cell(task, "none", method, 1) for task in TASKS for method in BASELINES]
    sweep = [
        Cell(task, weights, method, SEEDS[0], rate)
        for task in SWEEP_TASKS
        for method in METHODS
        for rate in RATES[method]
        for weights in WEIGHTS
    ]
    return baselines + sweep


def table_cells(numbers: Numbers) -> list[Cell]:
    """Return the runs of the table at the chosen rates, those that compare weights side by side."""
    return [
        Cell(task, weights, method, seed, numbers.rate(weights, method))
        for seed in SEEDS
        for method in METHODS
        for task in TASKS
        for weights in WEIGHTS
    ]


def to_row(cell: Cell, run: RunRecord) -> Row:
    """Return a line of docs/embedded.csv."""
    names = [(split, metric) for split in ("dev", "test") for metric in METRICS]
    return {
        "task": cell.task,
        "weights": cell.weights,
        "method": cell.method,
        "seed": str(cell.seed),
        "lr": cell.rate,
        **{f"{split}_{name}": f"{run.scores[split][name]:.4f}" for split, name in names},
        "trainable": str(run.parameters["trainable"]),
        "seconds": f"{run.timing['seconds']:.0f}",
    }


def main() -> None:
    """Make what is missing, then the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only-report", action="store_true", help="from finished runs alone")
    options = parser.parse_args()

    # Runs of other weights lie in another folder.
    weights = find_checkpoint(f"package:{MODEL}", None, allow_pickle=False) / "model.safetensors"
    checksum = hashlib.sha256(weights.read_bytes()).hexdigest()
    output = ROOT / "outputs" / "embedded" / checksum[:10]

    def rows_of(wanted: list[Cell]) -> list[Row]:
        runs = [] if options.only_report else [cell.overrides() for cell in wanted]
        finished = make_runs(runs, output, options.jobs)
        found = [(cell, finished.get(frozenset(cell.overrides()))) for cell in wanted]
        return [to_row(cell, run) for cell, run in found if run is not None]

    first = sweep_cells()
    numbers = Numbers(rows_of(first))
    rows = numbers.rows + rows_of([c for c in table_cells(numbers) if c not in first])
    write_csv(rows, CSV)
    embedded_page.write(rows, DOCS)


if __name__ == "__main__":
    main()

"""What pretraining gives: docs/embedded.md, from runs that are made where they are missing.

    python benchmarks/embedded.py [--jobs N] [--only-report]

Each task of the yeast suite with one label, each method, the pretrained model and the same
architecture with random weights, three seeds, and the two baselines. Each method has the learning
rate that dev of two tasks prefers, for pretrained and for random weights apart: the first runs are
that sweep. `--jobs` runs at a time share the cores. Finished runs in outputs/embedded are kept, so
this can be stopped and started again. The numbers of all runs go to docs/embedded.csv, beside the
page.
"""

from dataclasses import dataclass

import embedded_page
from embedded_page import METHODS, RATES, SWEEP_TASKS, TASKS, WEIGHTS, Numbers
from runs import Overrides, write_csv
from study import (
    BASELINES,
    DOCS,
    SEEDS,
    budget,
    output_folder,
    parser,
    rows_of,
    score_columns,
)
from tables import Row

from dnaft.record import RunRecord

MODEL = "yeast_mini"
STEPS = 250


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
            parts += [f"model={MODEL}", f"method.optimizer.lr={self.rate}", *budget(STEPS)]
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
    return {
        "task": cell.task,
        "weights": cell.weights,
        "method": cell.method,
        "seed": str(cell.seed),
        "lr": cell.rate,
        **score_columns(run),
        "trainable": str(run.parameters["trainable"]),
        "seconds": f"{run.timing['seconds']:.0f}",
    }


def main() -> None:
    """Make what is missing, then the page."""
    options = parser(__doc__).parse_args()
    output = output_folder("embedded", MODEL)
    first = sweep_cells()
    numbers = Numbers(rows_of(first, to_row, output, options))
    rest = [cell for cell in table_cells(numbers) if cell not in first]
    rows = numbers.rows + rows_of(rest, to_row, output, options)
    write_csv(rows, DOCS / "embedded.csv")
    embedded_page.write(rows, DOCS)


if __name__ == "__main__":
    main()

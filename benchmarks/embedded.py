"""What pretraining gives: docs/embedded.md, from runs that are made where they are missing.

    python benchmarks/embedded.py [--jobs N] [--only-report]

Each task of the yeast suite with one label, each method, the pretrained model and the same
architecture with random weights, three seeds, and the two baselines; the other packaged models
under one method. Each method has the learning rate that dev of two tasks prefers, for each model
and for random weights apart: the first runs are that sweep. `--jobs` runs at a time share the
cores. Finished runs in outputs/embedded are kept, so this can be stopped and started again. The
numbers of all runs go to docs/embedded.csv, beside the page.
"""

from dataclasses import dataclass

import embedded_page
from embedded_page import (
    METHODS,
    OTHERS,
    OTHERS_METHOD,
    RATES,
    SWEEP_TASKS,
    TASKS,
    WEIGHTS,
    Numbers,
)
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
        weights: `pretrained` or `random` for yeast_mini, the name of another packaged model, or
            `none` for a baseline.
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
            model = MODEL if self.weights in WEIGHTS else self.weights
            parts += [f"model={model}", f"method.optimizer.lr={self.rate}", *budget(STEPS)]
        if self.weights == "random":
            parts += ["model.source=null"]
        return tuple(parts)


# Weights and the methods that they are tuned with, those that are compared side by side.
_COMPARED = [(weights, method) for method in METHODS for weights in WEIGHTS]
_COMPARED += [(other, OTHERS_METHOD) for other in OTHERS]


def sweep_cells() -> list[Cell]:
    """Return the runs that choose the learning rates, and the baselines."""
    baselines = [Cell(task, "none", method, 1) for task in TASKS for method in BASELINES]
    sweep = [
        Cell(task, weights, method, SEEDS[0], rate)
        for weights, method in _COMPARED
        for rate in RATES[method]
        for task in SWEEP_TASKS
    ]
    return baselines + sweep


def table_cells(numbers: Numbers) -> list[Cell]:
    """Return the runs of the tables at the chosen rates."""
    return [
        Cell(task, weights, method, seed, numbers.rate(weights, method))
        for seed in SEEDS
        for weights, method in _COMPARED
        for task in TASKS
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
    output = output_folder("embedded", MODEL, *OTHERS)
    first = sweep_cells()
    numbers = Numbers(rows_of(first, to_row, output, options))
    rest = [cell for cell in table_cells(numbers) if cell not in first]
    rows = numbers.rows + rows_of(rest, to_row, output, options)
    write_csv(rows, DOCS / "embedded.csv")
    embedded_page.write(rows, DOCS)


if __name__ == "__main__":
    main()

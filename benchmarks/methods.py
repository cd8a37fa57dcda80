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

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import methods_page
from methods_page import (
    CLAIM,
    CLAIM_SEEDS,
    CLAIM_TASKS,
    OPTIONS,
    RATES,
    SWEEP_TASKS,
    TABLE_TASKS,
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
STEPS = 150


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
            parts += [f"method.optimizer.lr={self.rate}", f"model={MODEL}", *budget(STEPS)]
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
    return {
        "task": cell.task,
        "method": cell.method,
        "option": cell.option,
        "seed": str(cell.seed),
        "lr": cell.rate,
        **score_columns(run),
        "trainable": str(run.parameters["trainable"]),
        "seconds": f"{run.timing['seconds']:.1f}",
        "train_seconds": f"{run.timing.get('train_seconds', 0):.1f}",
        "megabytes": f"{run.memory.get('process_bytes', 0) / 1e6:.0f}",
    }


def main() -> None:
    """Make what is missing, then the page."""
    arguments = parser(__doc__)
    arguments.add_argument("--data-dir", required=True, help="folder with GUE's files")
    options = arguments.parse_args()
    output = output_folder("methods", MODEL)
    data = (f"data_dir={Path(options.data_dir).resolve()}",)

    first = sweep_cells()
    numbers = Numbers(rows_of(first, to_row, output, options, data))
    rest = [cell for cell in chosen_cells(numbers.rate) if cell not in first]
    rows = numbers.rows + rows_of(rest, to_row, output, options, data)
    write_csv(rows, DOCS / "method_results.csv")
    methods_page.write(rows, DOCS)


if __name__ == "__main__":
    main()

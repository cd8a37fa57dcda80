"""Methods side by side: docs/method_results.md, from runs that are made where they are missing.

    python benchmarks/methods.py --data-dir FOLDER [--jobs N] [--only-report]

FOLDER holds GUE's files (docs/data.md). Three parts, each from runs of equal length:

1. a sweep: each method at four learning rates on three tasks, one seed; dev chooses the rate;
2. each method at its rate on four tasks, three seeds, beside the baselines;
3. the options of rank sampling, on the tasks of the sweep, three seeds.

The numbers of all runs go to docs/method_results.csv. What stands there, of the same weights, or
is finished in outputs/methods is not run again, so this can be stopped and started, here and
elsewhere; to measure again, remove both. `--only-report` adds finished runs to the file, and writes
the page if none is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import methods_page
from methods_page import (
    OPTIONS,
    RATES,
    SWEEP_TASKS,
    TABLE_TASKS,
    UNSEEDED,
    Numbers,
)
from runs import Overrides, read_csv, write_csv
from study import (
    BASELINES,
    DOCS,
    SEEDS,
    budget,
    fingerprint,
    output_folder,
    parser,
    rows_of,
    score_columns,
)
from tables import Row

from dnaft.record import RunRecord

MODEL = "yeast_mini"
STEPS = 150
CSV = DOCS / "method_results.csv"


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
        if self.method not in BASELINES:
            parts.append(f"model={MODEL}")
        if self.rate:
            parts += [f"method.optimizer.lr={self.rate}", *budget(STEPS)]
        return (*parts, *OPTIONS.get(self.option, ()))

    def columns(self) -> Row:
        """Return the columns of the csv that say which run this is."""
        return {
            "task": self.task,
            "method": self.method,
            "option": self.option,
            "seed": str(self.seed),
            "lr": self.rate,
            "weights": fingerprint(MODEL),
        }

    def key(self) -> tuple[str, ...]:
        """Return the values of those columns."""
        return tuple(self.columns().values())


def sweep_cells() -> list[Cell]:
    """Return the runs that choose the learning rates."""
    return [
        Cell(task, method, SEEDS[0], rate)
        for method, rates in RATES.items()
        for rate in rates
        for task in SWEEP_TASKS
    ]


def chosen_cells(rate: Callable[[str], str]) -> list[Cell]:
    """Return the runs of the two comparisons.

    Args:
        rate: Gives the learning rate that dev chose for a method.
    """
    cells = [Cell(task, method, SEEDS[0]) for task in TABLE_TASKS for method in UNSEEDED]
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
    return list(dict.fromkeys(cells))


def to_row(cell: Cell, run: RunRecord) -> Row:
    """Return a line of the csv."""
    return {
        **cell.columns(),
        **score_columns(run),
        "trainable": str(run.parameters["trainable"]),
        "precision": str(run.training.get("precision", "")),
        "seconds": f"{run.timing['seconds']:.1f}",
        "train_seconds": f"{run.timing.get('train_seconds', 0):.1f}",
        "megabytes": f"{run.memory.get('process_bytes', 0) / 1e6:.0f}",
    }


def kept_rows() -> dict[tuple[str, ...], Row]:
    """Return the lines of the csv that these weights made, by what says which run each is."""
    rows = read_csv(CSV) if CSV.is_file() else []
    rows = [row for row in rows if row["weights"] == fingerprint(MODEL)]
    names = Cell("", "", 0).columns()
    return {tuple(row[name] for name in names): row for row in rows}


def main() -> None:
    """Make what is missing, then the page."""
    arguments = parser(__doc__)
    arguments.add_argument("--data-dir", required=True, help="folder with GUE's files")
    options = arguments.parse_args()
    output = output_folder("methods", MODEL)
    data = (f"data_dir={Path(options.data_dir).resolve()}",)

    def complete(cells: list[Cell]) -> list[Row]:
        kept = kept_rows()
        missing = [cell for cell in cells if cell.key() not in kept]
        made = rows_of(missing, to_row, output, options, data)
        if made:
            write_csv([*kept.values(), *made], CSV)
        return [*(kept[cell.key()] for cell in cells if cell.key() in kept), *made]

    first = sweep_cells()
    numbers = Numbers(complete(first))
    rest = [cell for cell in chosen_cells(numbers.rate) if cell not in first]
    methods_page.write([*numbers.rows, *complete(rest)], DOCS)


if __name__ == "__main__":
    main()

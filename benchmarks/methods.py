"""Methods side by side: docs/method_results.md, from runs that are made where they are missing.

    python benchmarks/methods.py --data-dir FOLDER [--jobs N] [--only-report]

FOLDER holds GUE's files (docs/data.md). Three parts, each from runs of equal length:

1. a sweep: each method at four learning rates on three tasks, one seed; dev chooses the rate, the
   lowest within .01 of the best. Where the best is the first or the last, the sweep goes on beyond
   it, by two rates at most;
2. each method at its rate on four tasks, three seeds, beside the baselines;
3. the options of rank sampling, on the tasks of the sweep, three seeds.

The numbers of all runs go to docs/method_results.csv. What stands there, of the same weights, or
is finished in outputs/methods is not run again, so this can be stopped and started, here and
elsewhere; to measure again, remove both. `--only-report` adds finished runs to the file, and writes
the page if none is missing.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import methods_page
from methods_page import (
    MODEL,
    OPTIONS,
    RATES,
    SWEEP_TASKS,
    TABLE_TASKS,
    UNSEEDED,
    Numbers,
    Subject,
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

STEPS = 150
CSV = DOCS / "method_results.csv"
_FURTHER = 2  # rates beyond the four, at most
_SAMPLED = Subject(MODEL, "adalora_rs")


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        task: Task.
        subject: Model and method.
        seed: Seed.
        rate: Learning rate as text, empty for a baseline.
        option: Name of the option of rank sampling that differs from the default, or nothing.
    """

    task: str
    subject: Subject
    seed: int
    rate: str = ""
    option: str = ""

    def overrides(self) -> Overrides:
        """Return what the command line of this run says."""
        model, method = self.subject
        parts = [f"task={self.task}", f"method={method}", f"seed={self.seed}"]
        if method not in BASELINES:
            parts.append(f"model={model}")
        if self.rate:
            parts += [f"method.optimizer.lr={self.rate}", *budget(STEPS)]
        return (*parts, *OPTIONS.get(self.option, ()))

    def columns(self) -> Row:
        """Return the columns of the csv that say which run this is."""
        return {
            "task": self.task,
            "model": self.subject.model,
            "method": self.subject.method,
            "option": self.option,
            "seed": str(self.seed),
            "lr": self.rate,
            "weights": fingerprint(self.subject.model),
        }

    def key(self) -> tuple[str, ...]:
        """Return the values of those columns."""
        return tuple(self.columns().values())


def first_cells() -> list[Cell]:
    """Return the runs that the sweep begins with."""
    return [
        Cell(task, subject, SEEDS[0], rate)
        for subject, rates in RATES.items()
        for rate in rates
        for task in SWEEP_TASKS
    ]


def further_cells(numbers: Numbers) -> list[Cell]:
    """Return the runs of the next rate, for each method whose best one lies at an end."""
    cells = []
    for subject, rates in RATES.items():
        if len(numbers.rates(subject)) < len(rates) + _FURTHER:
            beyond = numbers.beyond(subject)
            if beyond:
                cells += [Cell(task, subject, SEEDS[0], beyond) for task in SWEEP_TASKS]
    return cells


def chosen_cells(rate: Callable[[Subject], str]) -> list[Cell]:
    """Return the runs of the two comparisons.

    Args:
        rate: Gives the learning rate that dev chose for a method.
    """
    cells = [Cell(task, subject, SEEDS[0]) for task in TABLE_TASKS for subject in UNSEEDED]
    cells += [
        Cell(task, subject, seed, rate(subject))
        for seed in SEEDS
        for subject in RATES
        for task in TABLE_TASKS
    ]
    cells += [
        Cell(task, _SAMPLED, seed, rate(_SAMPLED), option)
        for seed in SEEDS
        for option in (*OPTIONS, "")
        for task in SWEEP_TASKS
    ]
    return list(dict.fromkeys(cells))


def to_row(cell: Cell, run: RunRecord) -> Row:
    """Return a line of the csv."""
    kept = run.ranks.get("chosen", {})
    return {
        **cell.columns(),
        **score_columns(run),
        "chosen_step": str(run.chosen["step"] or ""),
        "mean_rank": f"{statistics.mean(kept.values()):.3f}" if kept else "",
        "trainable": str(run.parameters["trainable"]),
        "precision": str(run.training.get("precision", "")),
        "seconds": f"{run.timing['seconds']:.1f}",
        "train_seconds": f"{run.timing.get('train_seconds', 0):.1f}",
        "megabytes": f"{run.memory.get('process_bytes', 0) / 1e6:.0f}",
    }


def kept_rows() -> dict[tuple[str, ...], Row]:
    """Return the lines of the csv that these weights made, by what says which run each is."""
    rows = read_csv(CSV) if CSV.is_file() else []
    rows = [row for row in rows if row["weights"] == fingerprint(row["model"])]
    names = Cell("", _SAMPLED, 0).columns()
    return {tuple(row[name] for name in names): row for row in rows}


def main() -> None:
    """Make what is missing, then the page."""
    arguments = parser(__doc__)
    arguments.add_argument("--data-dir", required=True, help="folder with GUE's files")
    options = arguments.parse_args()
    data = (f"data_dir={Path(options.data_dir).resolve()}",)

    def complete(cells: list[Cell]) -> list[Row]:
        for model in dict.fromkeys(cell.subject.model for cell in cells):
            kept = kept_rows()
            missing = [c for c in cells if c.subject.model == model and c.key() not in kept]
            output = output_folder("methods", model)
            made = rows_of(missing, to_row, output, options, data)
            if made:
                write_csv([*kept.values(), *made], CSV)
        kept = kept_rows()
        return [kept[cell.key()] for cell in cells if cell.key() in kept]

    first = first_cells()
    numbers = Numbers(complete(first))
    while further := further_cells(numbers):
        first += further
        numbers = Numbers([*numbers.rows, *complete(further)])
    rest = [cell for cell in chosen_cells(numbers.rate) if cell not in first]
    rows = [*numbers.rows, *complete(rest)]
    methods_page.write(rows, DOCS)
    write_csv(rows, CSV)


if __name__ == "__main__":
    main()

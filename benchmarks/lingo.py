"""Does a language prefix help? docs/lingo.md, from runs that are made where they are missing.

    python benchmarks/lingo.py [--jobs N] [--only-report]

LINGO beside the same method without its prefix and suffix: on the model of English and DNA that
comes with dnaft and, on two tasks, on a model of English (extra `minilm`). Each has the learning
rate that dev prefers on two tasks. Finished runs in outputs/lingo are kept; the numbers of all runs
go to docs/lingo.csv.
"""

import argparse
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

from runs import ROOT, Overrides, make_runs, write_csv
from tables import Row, compare, show, table

from dnaft.record import RunRecord

DOCS = ROOT / "docs"
SWEEP_TASKS = ("tata", "strand")
TASKS = {
    "yeast_mini_opt": ("promoter", "tata", "strand", "orientation", "start", "coding"),
    "minilm": SWEEP_TASKS,
}
METHODS = {"lingo": "with prefix", "adalora_rs": "without"}
RATES = ("0.002", "0.005", "0.01")
SEEDS = (1, 2, 3)
BUDGET = (
    "trainer.max_steps=150",
    "trainer.max_epochs=-1",
    "trainer.val_check_interval=50",
    "trainer.check_val_every_n_epoch=null",
)


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        model: Model.
        task: Task of the yeast suite, without its prefix.
        method: `lingo`, or the same without language.
        seed: Seed.
        rate: Learning rate as text.
    """

    model: str
    task: str
    method: str
    seed: int
    rate: str

    def overrides(self) -> Overrides:
        """Return what the command line of this run says."""
        return (
            f"model={self.model}",
            f"task=yeast_{self.task}",
            f"method={self.method}",
            f"seed={self.seed}",
            f"method.optimizer.lr={self.rate}",
            *BUDGET,
        )


def to_row(cell: Cell, run: RunRecord) -> Row:
    """Return a line of the csv."""
    return {
        "model": cell.model,
        "task": cell.task,
        "method": cell.method,
        "seed": str(cell.seed),
        "lr": cell.rate,
        **{f"{s}_mcc": f"{run.scores[s]['mcc']:.4f}" for s in ("dev", "test")},
        **{f"{s}_auroc": f"{run.scores[s]['auroc']:.4f}" for s in ("dev", "test")},
        "seconds": f"{run.timing['seconds']:.0f}",
    }


class Numbers:
    """The scores of all runs.

    Args:
        rows: The lines of docs/lingo.csv.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def swept(self, model: str, method: str, rate: str) -> float:
        """Return the dev MCC that a learning rate had in the sweep, mean of its tasks."""
        wanted = (model, method, rate, str(SEEDS[0]))
        return statistics.mean(
            float(row["dev_mcc"])
            for row in self.rows
            if (row["model"], row["method"], row["lr"], row["seed"]) == wanted
            and row["task"] in SWEEP_TASKS
        )

    def rate(self, model: str, method: str) -> str:
        """Return the learning rate that dev chose."""
        return max(RATES, key=lambda rate: self.swept(model, method, rate))

    def of(self, model: str, method: str, task: str, score: str) -> list[float]:
        """Return one score for each seed."""
        wanted = (model, method, task, self.rate(model, method))
        return [
            float(row[score])
            for row in self.rows
            if (row["model"], row["method"], row["task"], row["lr"]) == wanted
        ]


def section(numbers: Numbers, model: str) -> str:
    """Return the tables of one model."""
    lines = [["test MCC", *METHODS.values()]]
    for task in TASKS[model]:
        lines.append([task, *(show(numbers.of(model, m, task, "test_mcc")) for m in METHODS)])
    compared = [
        [
            "with - without",
            "mean difference",
            "95% interval",
            "effect size d",
            "p, t",
            "p, Wilcoxon",
        ]
    ]
    for metric, name in (("mcc", "test MCC"), ("auroc", "test AUROC")):
        both = [
            [s for task in TASKS[model] for s in numbers.of(model, method, task, f"test_{metric}")]
            for method in METHODS
        ]
        compared.append([name, *compare(*both)])
    rates = ", ".join(f"{numbers.rate(model, m)} {name}" for m, name in METHODS.items())
    return f"## {model}\n\nLearning rates: {rates}.\n\n{table(lines)}\n\n{table(compared)}\n"


def main() -> None:
    """Make what is missing, then the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only-report", action="store_true", help="from finished runs alone")
    options = parser.parse_args()

    def rows_of(wanted: list[Cell]) -> list[Row]:
        runs = [] if options.only_report else [cell.overrides() for cell in wanted]
        finished = make_runs(runs, ROOT / "outputs" / "lingo", options.jobs)
        found = [(cell, finished.get(frozenset(cell.overrides()))) for cell in wanted]
        return [to_row(cell, run) for cell, run in found if run is not None]

    first = [
        Cell(model, task, method, SEEDS[0], rate)
        for model in TASKS
        for rate in RATES
        for task in SWEEP_TASKS
        for method in METHODS
    ]
    numbers = Numbers(rows_of(first))
    rest = [
        Cell(model, task, method, seed, numbers.rate(model, method))
        for model, tasks in TASKS.items()
        for seed in SEEDS
        for task in tasks
        for method in METHODS
    ]
    numbers = Numbers(numbers.rows + rows_of([cell for cell in rest if cell not in first]))
    write_csv(numbers.rows, DOCS / "lingo.csv")
    text = (Path(__file__).parent / "lingo.md.in").read_text(encoding="utf-8")
    sections = "\n".join(section(numbers, model) for model in TASKS)
    (DOCS / "lingo.md").write_text(text.replace("{sections}", sections), encoding="utf-8")


if __name__ == "__main__":
    main()

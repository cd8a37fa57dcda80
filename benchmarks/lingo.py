"""Does a language prefix help? docs/lingo.md, from runs that are made where they are missing.

    python benchmarks/lingo.py [--jobs N] [--only-report]

LINGO beside the same method without its prefix and suffix: on the model of English and DNA that
comes with dnaft, each with the learning rate and the pooling that dev prefers on two tasks; and on
a model of English (extra `minilm`), which takes far longer for a sequence, on one task at one
rate. Finished runs in outputs/lingo are kept; the numbers of all runs go to docs/lingo.csv.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path

from runs import Overrides, write_csv
from study import (
    DOCS,
    METRICS,
    SEEDS,
    budget,
    fill,
    output_folder,
    parser,
    rows_of,
    score_columns,
    swept,
)
from tables import Row, compare, show, table

from dnaft.record import RunRecord

METHODS = {"lingo": "with prefix", "adalora_rs": "without"}
STEPS = 150
Setting = tuple[str, str]  # learning rate, pooling


@dataclass(frozen=True)
class Plan:
    """What is run with a model.

    Attributes:
        tasks: Of the yeast suite, without their prefix.
        sweep_tasks: Those whose dev scores choose the setting.
        settings: What they choose from.
        changes: Further overrides of its runs.
    """

    tasks: tuple[str, ...]
    sweep_tasks: tuple[str, ...]
    settings: tuple[Setting, ...]
    changes: Overrides = ()


PLANS = {
    "yeast_mini_opt": Plan(
        ("promoter", "tata", "strand", "orientation", "start", "coding"),
        ("tata", "strand"),
        # A causal model has read all, the words at the end included, only at its last token.
        tuple(
            (rate, pooling) for pooling in ("mean", "last") for rate in ("0.002", "0.005", "0.01")
        ),
    ),
    "minilm": Plan(("tata",), ("tata",), (("0.002", "mean"),), ("data.batch_size=8",)),
}


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        model: Model.
        task: Task of the yeast suite, without its prefix.
        method: `lingo`, or the same without language.
        seed: Seed.
        rate: Learning rate as text.
        pooling: What the head sees of the hidden states.
    """

    model: str
    task: str
    method: str
    seed: int
    rate: str
    pooling: str

    def overrides(self) -> Overrides:
        """Return what the command line of this run says."""
        return (
            f"model={self.model}",
            f"model.pooling={self.pooling}",
            f"task=yeast_{self.task}",
            f"method={self.method}",
            f"seed={self.seed}",
            f"method.optimizer.lr={self.rate}",
            *PLANS[self.model].changes,
            *budget(STEPS),
        )


def to_row(cell: Cell, run: RunRecord) -> Row:
    """Return a line of the csv."""
    return {
        "model": cell.model,
        "task": cell.task,
        "method": cell.method,
        "seed": str(cell.seed),
        "lr": cell.rate,
        "pooling": cell.pooling,
        **score_columns(run),
        "seconds": f"{run.timing['seconds']:.0f}",
    }


class Numbers:
    """The scores of all runs.

    Args:
        rows: The lines of docs/lingo.csv.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def swept(self, model: str, method: str, setting: Setting) -> float:
        """Return the dev MCC that a setting had in the sweep, mean of its tasks."""
        wanted = {"model": model, "method": method, "lr": setting[0], "pooling": setting[1]}
        return swept(self.rows, PLANS[model].sweep_tasks, wanted)

    def chosen(self, model: str, method: str) -> Setting:
        """Return the learning rate and the pooling that dev chose."""
        return max(PLANS[model].settings, key=lambda setting: self.swept(model, method, setting))

    def of(self, model: str, method: str, task: str, score: str) -> list[float]:
        """Return one score for each seed."""
        wanted = (model, method, task, *self.chosen(model, method))
        return [
            float(row[score])
            for row in self.rows
            if tuple(row[key] for key in ("model", "method", "task", "lr", "pooling")) == wanted
        ]


def section(numbers: Numbers, model: str) -> str:
    """Return the tables of one model."""
    plan = PLANS[model]
    lines = [["test MCC", *METHODS.values()]]
    for task in plan.tasks:
        lines.append([task, *(show(numbers.of(model, m, task, "test_mcc")) for m in METHODS)])
    many = len(plan.tasks) > 1
    head = f"with - without, paired over {len(plan.tasks)} tasks" if many else "with - without"
    compared = [
        [head, "mean difference", "95% interval", "effect size d", "p, t-test", "p, Wilcoxon"]
    ]
    for metric, name in METRICS.items():
        both = []
        for method in METHODS:
            scores = [numbers.of(model, method, task, f"test_{metric}") for task in plan.tasks]
            # Seeds of one task are no independent tasks.
            both.append([statistics.mean(of_task) for of_task in scores] if many else scores[0])
        compared.append([f"test {name}", *compare(*both)])
    tables = [table(lines), table(compared)]
    if len(plan.settings) > 1:
        tables.insert(0, sweep_table(numbers, model))
    return "\n\n".join([f"## {model}", *tables]) + "\n"


def sweep_table(numbers: Numbers, model: str) -> str:
    """Return what dev gave each setting, the chosen ones in bold."""
    plan = PLANS[model]
    lines = [[f"dev MCC, {' and '.join(plan.sweep_tasks)}", *METHODS.values()]]
    for setting in plan.settings:
        cells = []
        for method in METHODS:
            score = show([numbers.swept(model, method, setting)])
            cells.append(f"**{score}**" if setting == numbers.chosen(model, method) else score)
        lines.append([f"lr {setting[0]}, pooling {setting[1]}", *cells])
    return table(lines)


def write(rows: list[Row], docs: Path) -> None:
    """Write the page.

    Args:
        rows: The numbers of all runs.
        docs: Its folder.
    """
    numbers = Numbers(rows)
    sections = "\n".join(section(numbers, model) for model in PLANS)
    fill("lingo", {"sections": sections}, docs / "lingo.md")


def main() -> None:
    """Make what is missing, then the page."""
    options = parser(__doc__).parse_args()
    output = output_folder("lingo", "yeast_mini_opt")
    first = [
        Cell(model, task, method, SEEDS[0], *setting)
        for model, plan in PLANS.items()
        for setting in plan.settings
        for task in plan.sweep_tasks
        for method in METHODS
    ]
    numbers = Numbers(rows_of(first, to_row, output, options))
    rest = [
        Cell(model, task, method, seed, *numbers.chosen(model, method))
        for model, plan in PLANS.items()
        for seed in SEEDS
        for task in plan.tasks
        for method in METHODS
    ]
    rest = [cell for cell in rest if cell not in first]
    rows = numbers.rows + rows_of(rest, to_row, output, options)
    write_csv(rows, DOCS / "lingo.csv")
    write(rows, DOCS)


if __name__ == "__main__":
    main()

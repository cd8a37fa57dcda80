"""Does a language prefix help? docs/lingo.md, from runs that are made where they are missing.

    python benchmarks/lingo.py [--jobs N] [--only-report]

LINGO beside the same method without its prefix and suffix: on the model of English and DNA that
comes with dnaft, each with the learning rate and the pooling that dev prefers on two tasks; and on
a model of English (extra `minilm`), which takes far longer for a sequence, on one task, each with
the rate that dev prefers. A third side puts words there that say nothing of the task. Finished
runs in outputs/lingo are kept; the numbers of all runs go to docs/lingo.csv.
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

WITH, WITHOUT, OTHER = "with prefix", "without", "other words"
# The method of each side, and further overrides.
SIDES = {WITH: ("lingo",), WITHOUT: ("adalora_rs",), OTHER: ("lingo", "task.domain=Weather Report")}
STEPS = 150
Setting = tuple[str, str]  # learning rate, pooling


@dataclass(frozen=True)
class Plan:
    """What is run with a model.

    Attributes:
        tasks: Of the yeast suite, without their prefix.
        sweep_tasks: Those whose dev scores choose the setting.
        settings: What they choose from.
        pairs: The sides that are compared; `OTHER` has the setting that dev chose for `WITH`.
        changes: Further overrides of its runs.
    """

    tasks: tuple[str, ...]
    sweep_tasks: tuple[str, ...]
    settings: tuple[Setting, ...]
    pairs: tuple[tuple[str, str], ...] = ((WITH, WITHOUT),)
    changes: Overrides = ()

    @property
    def sides(self) -> list[str]:
        """The sides that are run."""
        return [side for side in SIDES if any(side in pair for pair in self.pairs)]


PLANS = {
    "yeast_mini_opt": Plan(
        ("promoter", "tata", "strand", "orientation", "start", "coding"),
        ("tata", "strand"),
        # A causal model has read all, the words at the end included, only at its last token.
        tuple(
            (rate, pooling) for pooling in ("mean", "last") for rate in ("0.003", "0.01", "0.03")
        ),
        ((WITH, WITHOUT), (WITH, OTHER), (OTHER, WITHOUT)),
    ),
    "minilm": Plan(
        ("tata",),
        ("tata",),
        tuple((rate, "mean") for rate in ("0.001", "0.003", "0.01")),
        changes=("data.batch_size=8",),
    ),
}


@dataclass(frozen=True)
class Cell:
    """One run.

    Attributes:
        model: Model.
        task: Task of the yeast suite, without its prefix.
        side: One of `SIDES`.
        seed: Seed.
        rate: Learning rate as text.
        pooling: What the head sees of the hidden states.
    """

    model: str
    task: str
    side: str
    seed: int
    rate: str
    pooling: str

    def overrides(self) -> Overrides:
        """Return what the command line of this run says."""
        method, *words = SIDES[self.side]
        return (
            f"model={self.model}",
            f"model.pooling={self.pooling}",
            f"task=yeast_{self.task}",
            f"method={method}",
            f"seed={self.seed}",
            f"method.optimizer.lr={self.rate}",
            *words,
            *PLANS[self.model].changes,
            *budget(STEPS),
        )


def to_row(cell: Cell, run: RunRecord) -> Row:
    """Return a line of the csv."""
    return {
        "model": cell.model,
        "task": cell.task,
        "side": cell.side,
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

    def swept(self, model: str, side: str, setting: Setting) -> float:
        """Return the dev MCC that a setting had in the sweep, mean of its tasks."""
        wanted = {"model": model, "side": side, "lr": setting[0], "pooling": setting[1]}
        return swept(self.rows, PLANS[model].sweep_tasks, wanted)

    def chosen(self, model: str, side: str) -> Setting:
        """Return the learning rate and the pooling that dev chose."""
        side = WITH if side == OTHER else side
        return max(PLANS[model].settings, key=lambda setting: self.swept(model, side, setting))

    def of(self, model: str, side: str, task: str, score: str) -> list[float]:
        """Return one score for each seed."""
        wanted = (model, side, task, *self.chosen(model, side))
        return [
            float(row[score])
            for row in self.rows
            if tuple(row[key] for key in ("model", "side", "task", "lr", "pooling")) == wanted
        ]


def section(numbers: Numbers, model: str) -> str:
    """Return the tables of one model."""
    plan = PLANS[model]
    lines = [["test MCC", *plan.sides]]
    for task in plan.tasks:
        lines.append([task, *(show(numbers.of(model, s, task, "test_mcc")) for s in plan.sides)])
    many = len(plan.tasks) > 1
    head = f"paired over {len(plan.tasks)} tasks" if many else "paired over seeds"
    compared = [
        [head, "mean difference", "95% interval", "effect size d", "p, t-test", "p, Wilcoxon"]
    ]
    for pair in plan.pairs:
        for metric, name in METRICS.items():
            both = []
            for side in pair:
                scores = [numbers.of(model, side, task, f"test_{metric}") for task in plan.tasks]
                # Seeds of one task are no independent tasks.
                both.append([statistics.mean(of_task) for of_task in scores] if many else scores[0])
            compared.append([f"test {name}, {' - '.join(pair)}", *compare(*both)])
    tables = [sweep_table(numbers, model), table(lines), table(compared)]
    return "\n\n".join([f"## {model}", *tables]) + "\n"


def sweep_table(numbers: Numbers, model: str) -> str:
    """Return what dev gave each setting, the chosen ones in bold."""
    plan = PLANS[model]
    lines = [[f"dev MCC, {' and '.join(plan.sweep_tasks)}", WITH, WITHOUT]]
    for setting in plan.settings:
        cells = []
        for side in (WITH, WITHOUT):
            score = show([numbers.swept(model, side, setting)])
            cells.append(f"**{score}**" if setting == numbers.chosen(model, side) else score)
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
        Cell(model, task, side, SEEDS[0], *setting)
        for model, plan in PLANS.items()
        for setting in plan.settings
        for task in plan.sweep_tasks
        for side in (WITH, WITHOUT)
    ]
    numbers = Numbers(rows_of(first, to_row, output, options))
    rest = [
        Cell(model, task, side, seed, *numbers.chosen(model, side))
        for model, plan in PLANS.items()
        for seed in SEEDS
        for task in plan.tasks
        for side in plan.sides
    ]
    rest = [cell for cell in rest if cell not in first]
    rows = numbers.rows + rows_of(rest, to_row, output, options)
    write_csv(rows, DOCS / "lingo.csv")
    write(rows, DOCS)


if __name__ == "__main__":
    main()

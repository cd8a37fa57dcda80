"""The page docs/study.md from the runs of `make study`: methods over tasks, and the claim's test.

    python benchmarks/study_page.py FOLDER

FOLDER is the output folder of `python -m dnaft.train sweep=study`. The numbers of each run go to
docs/study.csv, beside the page.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from runs import read_runs, write_csv
from study import BASELINES, DOCS, METRICS, SEEDS, fill, score_columns
from tables import Row, compare, show, table

from dnaft.record import RunRecord

METHODS = {
    "linear_probe": "linear probe",
    "full": "full",
    "lora": "LoRA",
    "adalora": "AdaLoRA",
    "adalora_rs": "AdaLoRA+RS",
}
TASKS = (
    "prom_tata", "tf_0", "tf_2", "mouse_2", "yeast_promoter", "yeast_tata", "yeast_strand",
    "yeast_orientation", "yeast_start", "yeast_coding",
)  # fmt: skip
# The seeds of the three methods whose difference is the question.
CLAIM_SEEDS = (1, 2, 3, 4, 5)
CLAIM = (("adalora_rs", "adalora"), ("adalora_rs", "lora"), ("adalora", "lora"))


def to_row(run: RunRecord) -> Row:
    """Return a line of the csv."""
    return {
        "task": run.task,
        "method": run.method,
        "seed": str(run.seed),
        **score_columns(run),
        "trainable": str(run.parameters["trainable"]),
        "precision": str(run.training.get("precision", "")),
        "seconds": f"{run.timing['seconds']:.1f}",
    }


class Numbers:
    """The scores of all runs.

    Args:
        rows: The lines of docs/study.csv.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._found = {(row["task"], row["method"], int(row["seed"])): row for row in rows}

    def of(self, task: str, method: str, score: str, seeds: Sequence[int] = SEEDS) -> list[float]:
        """Return one number, such as `test_mcc`, for each seed; a baseline has one run.

        Raises:
            SystemExit: If a run is missing.
        """
        seeds = seeds[:1] if method in BASELINES else seeds
        missing = [seed for seed in seeds if (task, method, seed) not in self._found]
        if missing:
            raise SystemExit(f"task={task} method={method}: no run of seed {missing[0]}")
        return [float(self._found[task, method, seed][score]) for seed in seeds]

    def mean(self, task: str, method: str, score: str, seeds: Sequence[int] = SEEDS) -> float:
        """Return the mean of `of`."""
        return statistics.mean(self.of(task, method, score, seeds))


def score_table(numbers: Numbers, metric: str) -> str:
    """Return the test scores of all methods on all tasks, and their means."""
    every = BASELINES | METHODS
    lines = [["", *every.values()]]
    for task in TASKS:
        lines.append([task, *(show(numbers.of(task, m, f"test_{metric}")) for m in every)])
    means = ([numbers.mean(t, m, f"test_{metric}") for t in TASKS] for m in every)
    lines.append(["mean", *(show([statistics.mean(values)]) for values in means)])
    return table(lines)


def chosen_table(numbers: Numbers, metric: str) -> str:
    """Return the best method of each task, chosen on dev, beside the better baseline on test."""
    dev, test = f"dev_{metric}", f"test_{metric}"
    lines = [["", "best method on dev", "its test score", "better baseline", "its test score"]]
    for task in TASKS:
        method = max(METHODS, key=lambda m, t=task: numbers.mean(t, m, dev))
        baseline = max(BASELINES, key=lambda m, t=task: numbers.mean(t, m, test))
        scores = [show(numbers.of(task, m, test)) for m in (method, baseline)]
        lines.append([task, METHODS[method], scores[0], BASELINES[baseline], scores[1]])
    return table(lines)


def claim_table(numbers: Numbers, metric: str) -> str:
    """Return the paired comparisons over tasks, each the mean of its seeds."""

    def means(method: str) -> list[float]:
        return [numbers.mean(t, method, f"test_{metric}", CLAIM_SEEDS) for t in TASKS]

    lines = [["", "mean difference", "95% interval", "d", "p, t-test", "p, Wilcoxon"]]
    for first, second in CLAIM:
        name = f"{METHODS[first]} - {METHODS[second]}"
        lines.append([name, *compare(means(first), means(second))])
    return table(lines)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=Path, help="output folder of the sweep")
    found = read_runs(parser.parse_args().runs)
    rows = sorted((to_row(run) for run in found.values()), key=lambda r: tuple(r.values())[:3])
    if not rows:
        raise SystemExit("no finished run there: make study first")
    numbers = Numbers(rows)
    hours = sum(float(row["seconds"]) for row in rows) / 3600
    values = {"runs": str(len(rows)), "hours": f"{hours:.1f}"}
    for metric in METRICS:
        values[f"scores_{metric}"] = score_table(numbers, metric)
        values[f"chosen_{metric}"] = chosen_table(numbers, metric)
        values[f"claim_{metric}"] = claim_table(numbers, metric)
    write_csv(rows, DOCS / "study.csv")
    fill("study", values, DOCS / "study.md")


if __name__ == "__main__":
    main()

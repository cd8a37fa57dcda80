"""The page docs/study.md from the runs of `make study`: methods over tasks, and the claim's test.

    python benchmarks/study_page.py FOLDER RATES

FOLDER is the output folder of `python -m dnaft.train sweep=study`, RATES that of the same at other
learning rates. The numbers of each run go to docs/study.csv, beside the page.
"""

import argparse
import functools
import statistics
from pathlib import Path

from runs import read_runs, write_csv
from scipy.stats import ttest_rel
from study import BASELINES, DOCS, METRICS, SEEDS, fill, score_columns
from tables import Row, compare, show, show_p, show_rate, table

from dnaft.record import RunRecord
from dnaft.report.paired_tests import holm

METHODS = {
    "linear_probe": "linear probe",
    "full": "full",
    "lora": "LoRA",
    "adalora": "AdaLoRA",
    "adalora_rs": "AdaLoRA+RS",
}
TASKS = (
    "prom_tata", "core_notata", "tf_0", "tf_1", "tf_2", "mouse_2",
    "yeast_promoter", "yeast_tata", "yeast_strand", "yeast_orientation", "yeast_start",
    "yeast_coding",
)  # fmt: skip
# The seeds of the three methods whose difference is the question.
CLAIM_SEEDS = (1, 2, 3, 4, 5)
CLAIM = (("adalora_rs", "adalora"), ("adalora_rs", "lora"), ("adalora", "lora"))
CLAIMED = ("lora", "adalora", "adalora_rs")
# The sweeps: all methods at their own rates, and the claim's three at others.
STUDY, RATES = "study", "rates"
RATE_TASKS = ("prom_tata", "tf_2", "yeast_strand")


def to_row(part: str, run: RunRecord) -> Row:
    """Return a line of the csv; `part` is the sweep that it belongs to."""
    kept = run.ranks.get("chosen", {})
    return {
        "part": part,
        "task": run.task,
        "method": run.method,
        "seed": str(run.seed),
        "lr": str(run.config["method"]["optimizer"]["lr"]) if run.method in METHODS else "",
        **score_columns(run),
        "chosen_step": str(run.chosen["step"] or ""),
        "mean_rank": f"{statistics.mean(kept.values()):.3f}" if kept else "",
        "trainable": str(run.parameters["trainable"]),
        "precision": str(run.training.get("precision", "")),
        "seconds": f"{run.timing['seconds']:.1f}",
    }


class Numbers:
    """The scores of all runs.

    Args:
        rows: The lines of docs/study.csv, part `study`.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._found = {(row["task"], row["method"], int(row["seed"])): row for row in rows}

    def of(self, task: str, method: str, score: str) -> list[float]:
        """Return one number, such as `test_mcc`, for each seed; a baseline has one run.

        Raises:
            SystemExit: If a run is missing.
        """
        seeds: tuple[int, ...] = SEEDS[:1] if method in BASELINES else SEEDS
        if method in CLAIMED:
            seeds = CLAIM_SEEDS
        missing = [seed for seed in seeds if (task, method, seed) not in self._found]
        if missing:
            raise SystemExit(f"task={task} method={method}: no run of seed {missing[0]}")
        return [float(self._found[task, method, seed][score]) for seed in seeds]

    def mean(self, task: str, method: str, score: str) -> float:
        """Return the mean of `of`."""
        return statistics.mean(self.of(task, method, score))


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
    """Return the best method and the better baseline of each task, both chosen on dev."""
    dev, test = f"dev_{metric}", f"test_{metric}"
    lines = [
        ["", "best method on dev", "its test score", "better baseline on dev", "its test score"]
    ]
    for task in TASKS:
        method, baseline = (
            max(group, key=functools.partial(numbers.mean, task, score=dev))
            for group in (METHODS, BASELINES)
        )
        scores = [show(numbers.of(task, m, test)) for m in (method, baseline)]
        lines.append([task, METHODS[method], scores[0], BASELINES[baseline], scores[1]])
    return table(lines)


def claim_table(numbers: Numbers, metric: str) -> str:
    """Return the paired comparisons over tasks, each the mean of its seeds."""

    def means(method: str) -> list[float]:
        return [numbers.mean(t, method, f"test_{metric}") for t in TASKS]

    pairs = [(means(first), means(second)) for first, second in CLAIM]
    corrected = holm([float(ttest_rel(first, second).pvalue) for first, second in pairs])
    lines = [["", "mean difference", "95% interval", "d", "p, t-test", "p, Wilcoxon", "p, t, Holm"]]
    for (first, second), values, p in zip(CLAIM, pairs, corrected, strict=True):
        lines.append([f"{METHODS[first]} - {METHODS[second]}", *compare(*values), show_p(p)])
    return table(lines)


def rank_table(numbers: Numbers) -> str:
    """Return how many triplets a matrix the chosen checkpoints have."""
    lines = [["", "triplets a matrix at the chosen checkpoint", "runs chosen before step 200"]]
    for method in CLAIMED:
        rows = [row for row in numbers.rows if row["method"] == method]
        early = sum(int(row["chosen_step"]) < 200 for row in rows)
        kept = [float(row["mean_rank"]) for row in rows if row["mean_rank"]]
        shown = f"{statistics.mean(kept):.2f}, at most {max(kept):.2f}" if kept else "8"
        lines.append([METHODS[method], shown, f"{early} of {len(rows)}"])
    return table(lines)


def rate_table(rows: list[Row]) -> str:
    """Return the dev MCC of other learning rates, mean of three tasks, one seed."""
    rates = sorted({float(row["lr"]) for row in rows})
    lines = [["dev MCC", *(show_rate(str(rate)) for rate in rates)]]
    for method in CLAIMED:
        cells = []
        for rate in rates:
            found = [r for r in rows if r["method"] == method and float(r["lr"]) == rate]
            if {row["task"] for row in found} != set(RATE_TASKS):
                raise SystemExit(f"method={method} lr={rate}: runs are missing")
            cells.append(show([statistics.mean(float(row["dev_mcc"]) for row in found)]))
        lines.append([METHODS[method], *cells])
    return table(lines)


def write(rows: list[Row], docs: Path) -> None:
    """Write the page.

    Args:
        rows: The numbers of all runs, as `to_row` makes them.
        docs: Its folder.
    """
    made, at_rates = ([r for r in rows if r["part"] == part] for part in (STUDY, RATES))
    numbers = Numbers(made)
    hours = sum(float(row["seconds"]) for row in made) / 3600
    values = {
        "runs": str(len(made)),
        "hours": f"{hours:.1f}",
        "rate_runs": str(len(at_rates)),
        "ranks": rank_table(numbers),
        "rates": rate_table(at_rates),
    }
    for metric in METRICS:
        values[f"scores_{metric}"] = score_table(numbers, metric)
        values[f"chosen_{metric}"] = chosen_table(numbers, metric)
        values[f"claim_{metric}"] = claim_table(numbers, metric)
    fill("study", values, docs / "study.md")


def main() -> None:
    """Write the page and its numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(STUDY, type=Path, help="output folder of the sweep")
    parser.add_argument(RATES, type=Path, help="output folder of the same at other rates")
    rows = [
        to_row(part, run)
        for part, folder in vars(parser.parse_args()).items()
        for run in read_runs(folder).values()
    ]
    if not rows:
        raise SystemExit("no finished run there: make study first")
    rows.sort(key=lambda row: [*row.values()][:5])
    write_csv(rows, DOCS / "study.csv")
    write(rows, DOCS)


if __name__ == "__main__":
    main()

"""The tables of runs, of configurations, and of those that dev chose."""

import math
from collections.abc import Sequence

from dnaft.report.contents import Contents
from dnaft.report.groups import Group
from dnaft.report.intervals import Summary
from dnaft.report.runs import Run
from dnaft.report.settings import show
from dnaft.report.tables import Cell, Table, number

_RUN_COLUMNS = (
    ("task", False), ("model", False), ("method", False), ("settings", False), ("seed", True),
    ("score", False), ("dev", True), ("test", True), ("trainable", True), ("% trainable", True),
    ("seconds", True), ("peak GB", True), ("TFLOPs", True), ("chosen step", True),
    ("folder", False),
)  # fmt: skip
_GROUP_COLUMNS = (
    ("task", False), ("model", False), ("method", False), ("settings", False), ("seeds", True),
    ("score", False), ("dev", True), ("dev spread", True), ("test", True), ("test spread", True),
    ("95% low", True), ("95% high", True), ("trainable", True), ("seconds", True),
)  # fmt: skip


def make_table(
    key: str, title: str, note: str, columns: Sequence[tuple[str, bool]], rows: list[list[Cell]]
) -> Table:
    """Return a table whose columns are given as title and whether they hold numbers."""
    head, numeric = zip(*columns, strict=True)
    return Table(key, title, note, head, numeric, tuple(map(tuple, rows)))


def run_table(contents: Contents) -> Table:
    """Return one line a run."""
    rows = [_run_row(run) for run in contents.runs]
    note = "Every run. A click on a head sorts."
    return make_table("runs", "Runs", note, _RUN_COLUMNS, rows)


def _run_row(run: Run) -> list[Cell]:
    peak = run.value("memory", "cuda_bytes")
    if math.isnan(peak):
        peak = run.value("memory", "process_bytes")
    settings = ", ".join(f"{key}={show(value)}" for key, value in run.settings.items())
    return [
        Cell(run.task),
        Cell(run.model),
        Cell(run.method),
        Cell(settings),
        Cell(str(run.record.seed), float(run.record.seed)),
        Cell(run.metric),
        number(run.score("dev"), ".4f", run.marks),
        number(run.score("test"), ".4f", run.marks),
        number(run.value("parameters", "trainable"), ",.0f"),
        number(100 * run.value("parameters", "fraction"), ".3g"),
        number(run.value("timing", "seconds"), ",.1f"),
        number(peak / 1e9, ".2f"),
        number(run.value("flops", "total") / 1e12, ",.3g"),
        number(run.value("chosen", "step"), ",.0f"),
        Cell(run.name),
    ]


def group_table(contents: Contents) -> Table:
    """Return one line a configuration: mean and spread over its seeds."""
    rows = [_group_row(one) for one in contents.groups]
    note = (
        "One line a configuration. Spread is the standard deviation over seeds (n - 1); 95% is the "
        "percentile bootstrap interval of the mean test score over seeds, which is too narrow for "
        "few seeds (of three it holds the true mean three times in four)."
    )
    return make_table("configurations", "Means over seeds", note, _GROUP_COLUMNS, rows)


def best_table(contents: Contents) -> Table:
    """Return one line a task, model and method: the configuration that dev chose."""
    chosen = [*contents.best.values()]
    chosen += [one for of_task in contents.baselines.values() for one in of_task.values()]
    highest: dict[str, float] = {}
    for one in chosen:
        if not math.isnan(one.dev.mean):
            highest[one.task] = max(highest.get(one.task, -math.inf), one.dev.mean)
    rows = []
    for one in sorted(chosen, key=lambda one: (one.task, one.model, one.method)):
        row = _group_row(one)
        if one.dev.mean == highest.get(one.task):
            test = row[8]
            row[8] = Cell(test.shown, test.value, test.marks, strong=True)
        rows.append(row)
    note = (
        "Of each method the settings with the best mean dev score; test played no part in the "
        "choice and is not the best that some setting reached. Bold: the best of the task by dev."
    )
    return make_table("best", "What dev chose", note, _GROUP_COLUMNS, rows)


def _group_row(one: Group) -> list[Cell]:
    test: Summary = one.test
    return [
        Cell(one.task),
        Cell(one.model),
        Cell(one.method),
        Cell(one.name),
        Cell(str(one.dev.count), float(one.dev.count)),
        Cell(one.metric),
        number(one.dev.mean, ".4f", one.marks),
        number(one.dev.deviation, ".4f"),
        number(test.mean, ".4f", one.marks),
        number(test.deviation, ".4f"),
        number(test.low, ".4f"),
        number(test.high, ".4f"),
        number(one.value("parameters", "trainable"), ",.0f"),
        number(one.value("timing", "seconds"), ",.1f"),
    ]

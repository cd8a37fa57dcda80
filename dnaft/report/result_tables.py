"""The tables of runs, of configurations, and of those that dev chose."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from dnaft.report.choice import contest
from dnaft.report.contents import Contents
from dnaft.report.groups import Group
from dnaft.report.marks import EDGE
from dnaft.report.runs import Run
from dnaft.report.settings import show
from dnaft.report.tables import Cell, Table, count, number

_RUN_COLUMNS = (
    ("task", False), ("model", False), ("method", False), ("lr", True), ("seed", True),
    ("score", False), ("dev", True), ("test", True), ("trainable", True), ("% trainable", True),
    ("seconds", True), ("peak GB", True), ("TFLOPs", True), ("chosen step", True),
    ("settings", False), ("folder", False),
)  # fmt: skip
_GROUP_COLUMNS = (
    ("task", False), ("model", False), ("method", False), ("lr", True), ("seeds", True),
    ("score", False), ("dev", True), ("dev spread", True), ("test", True), ("test spread", True),
    ("95% low", True), ("95% high", True), ("trainable", True), ("seconds", True),
    ("settings", False),
)  # fmt: skip
_HEAD = [title for title, _ in _GROUP_COLUMNS]
_SECONDS = "Seconds are those of the whole run; the first of a sweep fills caches for the others."


def make_table(
    key: str, title: str, note: str, columns: Sequence[tuple[str, bool]], rows: list[list[Cell]]
) -> Table:
    """Return a table whose columns are given as title and whether they hold numbers."""
    head, numeric = zip(*columns, strict=True)
    return Table(key, title, note, head, numeric, tuple(map(tuple, rows)))


def run_table(contents: Contents) -> Table:
    """Return one line a run."""
    rows = [_run_row(run) for run in contents.runs]
    note = f"Every run. A click on a head sorts. {_SECONDS}{contents.shown}"
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
        rate(run.lr),
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
        Cell(settings),
        Cell(run.name),
    ]


def group_table(contents: Contents) -> Table:
    """Return one line a configuration: mean and spread over its seeds."""
    rows = [_group_row(one) for one in contents.groups]
    note = (
        "One line a configuration. Spread is the standard deviation over seeds (n - 1); 95% is the "
        "percentile bootstrap interval of the mean test score over seeds, which is too narrow for "
        "few seeds (of three it holds the true mean three times in four). Baselines are "
        f"deterministic: seeds change nothing, and one run counts. {_SECONDS}"
    ) + contents.shown
    return make_table("configurations", "Means over seeds", note, _GROUP_COLUMNS, rows)


def best_table(contents: Contents) -> Table:
    """Return one line a task, model and method: the configuration that dev chose."""
    chosen = [*contents.best.values()]
    chosen += [one for of_task in contents.baselines.values() for one in of_task.values()]
    leading: set[Group] = set()
    for task in {one.task for one in chosen}:
        rivals = contest([one for one in chosen if one.task == task])
        top = max(one.merit for one in rivals)
        leading |= {one for one in rivals if one.merit == top > -math.inf}
    rows = []
    for one in sorted(chosen, key=lambda one: (one.task, one.model, one.method)):
        row = _group_row(one)
        if one in leading:
            at = _HEAD.index("test")
            row[at] = replace(row[at], strong=True)
        rows.append(row)
    note = (
        "Of each method the settings with the best mean dev score; test chose no settings, and the "
        "score is not the best that some of them reached. lr: the learning rate; methods compare "
        "fairly where each has its own best. Bold: the best of the task by dev."
    ) + contents.shown
    return make_table("best", "What dev chose", note, _GROUP_COLUMNS, rows)


def _group_row(one: Group) -> list[Cell]:
    spreads = [one.dev.deviation, one.test.deviation]
    dev_spread, test_spread = (
        Cell("deterministic", math.nan) if one.deterministic else number(spread, ".4f")
        for spread in spreads
    )
    return [
        Cell(one.task),
        Cell(one.model),
        Cell(one.method),
        rate(one.lr, one.edges),
        count(one.dev.count),
        Cell(one.metric),
        number(one.dev.mean, ".4f", one.marks),
        dev_spread,
        number(one.test.mean, ".4f", one.marks),
        test_spread,
        number(one.test.low, ".4f"),
        number(one.test.high, ".4f"),
        number(one.value("parameters", "trainable"), ",.0f"),
        number(one.value("timing", "seconds"), ",.1f"),
        _settings(one),
    ]


def rate(lr: float, edges: Collection[str] = ()) -> Cell:
    """Return a cell with a learning rate, marked if it lies at the edge of those tried."""
    if math.isnan(lr):
        return Cell("", math.nan)
    return Cell(f"{lr:g}", lr, frozenset({EDGE} if "lr" in edges else ()))


def _settings(one: Group) -> Cell:
    if not one.edges:
        return Cell(one.name)
    parts = [
        f"{key}={show(value)}" + (f" ({one.edges[key]})" if key in one.edges else "")
        for key, value in one.settings.items()
    ]
    return Cell(", ".join(parts), one.name, frozenset({EDGE}))

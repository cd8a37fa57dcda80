"""The tables of runs, of configurations, and of the comparisons between methods."""

import math
from collections.abc import Sequence

from dnaft.report.contents import Contents
from dnaft.report.groups import Group
from dnaft.report.intervals import Summary
from dnaft.report.paired_tests import Comparison, Ranking, Scores, compare, rank
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
_TEST_COLUMNS = (
    ("model", False), ("score", False), ("first", False), ("second", False), ("tasks", True),
    ("difference", True), ("95% low", True), ("95% high", True), ("Cohen's d", True),
    ("p, t", True), ("p, t, Holm", True), ("p, Wilcoxon", True), ("p, Wilcoxon, Holm", True),
)  # fmt: skip


def _table(
    key: str, title: str, note: str, columns: Sequence[tuple[str, bool]], rows: list[list[Cell]]
) -> Table:
    head, numeric = zip(*columns, strict=True)
    return Table(key, title, note, head, numeric, tuple(map(tuple, rows)))


def run_table(contents: Contents) -> Table:
    """Return one line a run."""
    rows = [_run_row(run) for run in contents.runs]
    note = "Every run. A click on a head sorts."
    return _table("runs", "Runs", note, _RUN_COLUMNS, rows)


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
    return _table("configurations", "Means over seeds", note, _GROUP_COLUMNS, rows)


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
    return _table("best", "What dev chose", note, _GROUP_COLUMNS, rows)


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


def scores_by_model(contents: Contents) -> dict[tuple[str, str], Scores]:
    """Return by model and metric the test score of each method on each task.

    Trivial baselines, which have no model, stand beside the methods of every model.
    """
    found: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for (task, model, method), one in contents.best.items():
        of_model = found.setdefault((model, one.metric), {})
        of_model.setdefault(method, {})[task] = one.test.mean
    for (_, metric), of_model in found.items():
        tasks = {task for scores in of_model.values() for task in scores}
        for task in sorted(tasks):
            for name, one in contents.baselines.get(task, {}).items():
                if one.metric == metric:
                    of_model.setdefault(name, {})[task] = one.test.mean
    return dict(sorted(found.items()))


def test_table(compared: dict[tuple[str, str], list[Comparison]]) -> Table:
    """Return the paired tests between methods."""
    rows = [
        [
            Cell(model),
            Cell(metric),
            Cell(one.first),
            Cell(one.second),
            Cell(str(one.tasks), float(one.tasks)),
            number(one.difference, "+.4f"),
            number(one.low, "+.4f"),
            number(one.high, "+.4f"),
            number(one.effect, "+.2f"),
            _p(one.p_t),
            _p(one.holm_t),
            _p(one.p_wilcoxon),
            _p(one.holm_wilcoxon),
        ]
        for (model, metric), comparisons in compared.items()
        for one in comparisons
    ]
    note = (
        "First minus second over the tasks that both have, test scores of the configurations that "
        "dev chose, each the mean over its seeds: one pair a task. Two-sided paired t and Wilcoxon "
        "signed-rank tests, each corrected by Holm within a model; Cohen's d of the differences; "
        "the interval is Student's and uncorrected. With n tasks Wilcoxon's p cannot fall under "
        "2 / 2^n, so that fewer than six tasks never reach 5%."
    )
    return _table("tests", "Methods compared over tasks", note, _TEST_COLUMNS, rows)


def friedman_table(rankings: dict[str, Ranking]) -> Table:
    """Return Friedman's test of each model."""
    rows = [
        [
            Cell(name),
            Cell(str(len(one.ranks)), float(len(one.ranks))),
            Cell(str(len(one.tasks)), float(len(one.tasks))),
            number(one.statistic, ".2f"),
            _p(one.p),
            number(one.critical, ".2f"),
        ]
        for name, one in rankings.items()
    ]
    columns = (
        ("model", False),
        ("methods", True),
        ("tasks", True),
        ("chi-square", True),
        ("p", True),
        ("critical difference", True),
    )
    note = (
        "Friedman's test that all methods do alike, over the tasks that all of them have; methods "
        "with few tasks are left out. The critical difference is Nemenyi's at 5%."
    )
    return _table("friedman", "All methods at once", note, columns, rows)


def comparisons(
    contents: Contents,
) -> tuple[dict[tuple[str, str], list[Comparison]], dict[str, Ranking]]:
    """Return the paired tests and the rankings of every model."""
    scores = scores_by_model(contents)
    trivial = {name for found in contents.baselines.values() for name in found}
    compared = {key: compare(of_model, trivial) for key, of_model in scores.items()}
    ranked = {f"{model}, {metric}": rank(of) for (model, metric), of in scores.items()}
    return (
        {key: found for key, found in compared.items() if found},
        {name: one for name, one in ranked.items() if one is not None},
    )


def _p(p: float) -> Cell:
    if math.isnan(p):
        return number(p, "")
    return Cell("< 0.0001" if p < 1e-4 else f"{p:.4f}", p)

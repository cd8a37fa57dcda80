"""The tables of tests between methods over tasks."""

import math
from collections.abc import Collection, Mapping

from dnaft.report.contents import Contents
from dnaft.report.groups import Group
from dnaft.report.paired_tests import Ranking, Scores, compare, rank
from dnaft.report.result_tables import make_table
from dnaft.report.tables import Cell, Table, number

_TEST_COLUMNS = (
    ("model", False), ("score", False), ("first", False), ("second", False), ("tasks", True),
    ("difference", True), ("95% low", True), ("95% high", True), ("Cohen's d", True),
    ("p, t", True), ("p, t, Holm", True), ("p, Wilcoxon", True), ("p, Wilcoxon, Holm", True),
)  # fmt: skip

Chosen = Mapping[str, Mapping[str, Group]]


def chosen_by_model(contents: Contents) -> dict[tuple[str, str], Chosen]:
    """Return by model and metric the chosen configuration of each method on each task.

    Trivial baselines, which have no model, stand beside the methods of every model.
    """
    found: dict[tuple[str, str], dict[str, dict[str, Group]]] = {}
    for (task, model, method), one in contents.best.items():
        of_model = found.setdefault((model, one.metric), {})
        of_model.setdefault(method, {})[task] = one
    for (_, metric), of_model in found.items():
        tasks = {task for of_method in of_model.values() for task in of_method}
        for task in sorted(tasks):
            for name, one in contents.baselines.get(task, {}).items():
                if one.metric == metric:
                    of_model.setdefault(name, {})[task] = one
    return dict(sorted(found.items()))


def _scores(chosen: Chosen) -> Scores:
    return {
        method: {task: one.test.mean for task, one in of_method.items()}
        for method, of_method in chosen.items()
    }


def _marks(
    chosen: Chosen, methods: Collection[str], tasks: Collection[str] | None = None
) -> frozenset[str]:
    """Return the warnings of the scores that are compared: of the tasks that all methods have."""
    if tasks is None:
        tasks = set.intersection(*(set(chosen[method]) for method in methods))
    return frozenset().union(*(chosen[method][task].marks for method in methods for task in tasks))


def test_table(contents: Contents) -> Table:
    """Return the paired tests between methods."""
    trivial = {name for found in contents.baselines.values() for name in found}
    rows = [
        [
            Cell(model),
            Cell(metric),
            Cell(one.first),
            Cell(one.second),
            Cell(str(one.tasks), float(one.tasks)),
            number(one.difference, "+.4f", _marks(chosen, (one.first, one.second))),
            number(one.low, "+.4f"),
            number(one.high, "+.4f"),
            number(one.effect, "+.2f"),
            _p(one.p_t),
            _p(one.holm_t),
            _p(one.p_wilcoxon),
            _p(one.holm_wilcoxon),
        ]
        for (model, metric), chosen in chosen_by_model(contents).items()
        for one in compare(_scores(chosen), trivial)
    ]
    note = (
        "First minus second over the tasks that both have, test scores of the configurations that "
        "dev chose, each the mean over its seeds: one pair a task. Two-sided paired t and Wilcoxon "
        "signed-rank tests, each corrected by Holm within a model; Cohen's d of the differences; "
        "the interval is Student's and uncorrected. With n tasks Wilcoxon's p cannot fall under "
        "2 / 2^n, so that fewer than six tasks never reach 5%."
    )
    return make_table("tests", "Methods compared over tasks", note, _TEST_COLUMNS, rows)


def rankings(contents: Contents) -> dict[str, tuple[Ranking, frozenset[str]]]:
    """Return by model and metric the ranking of its methods, and the warnings of their scores."""
    found = {}
    for (model, metric), chosen in chosen_by_model(contents).items():
        ranking = rank(_scores(chosen))
        if ranking is not None:
            marks = _marks(chosen, ranking.ranks, ranking.tasks)
            found[f"{model}, {metric}"] = ranking, marks
    return found


def friedman_table(ranked: Mapping[str, tuple[Ranking, frozenset[str]]]) -> Table:
    """Return Friedman's test of each model.

    Args:
        ranked: What `rankings` returns.
    """
    rows = [
        [
            Cell(name),
            Cell(str(len(one.ranks)), float(len(one.ranks))),
            Cell(str(len(one.tasks)), float(len(one.tasks))),
            number(one.statistic, ".2f", marks),
            _p(one.p),
            number(one.critical, ".2f"),
        ]
        for name, (one, marks) in ranked.items()
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
    return make_table("friedman", "All methods at once", note, columns, rows)


def _p(p: float) -> Cell:
    if math.isnan(p):
        return number(p, "")
    return Cell("< 0.0001" if p < 1e-4 else f"{p:.4f}", p)

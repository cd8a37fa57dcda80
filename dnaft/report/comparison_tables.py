"""The tables of tests between methods, over tasks and over seeds."""

from collections.abc import Collection, Iterable, Mapping

from dnaft.report.choice import contest
from dnaft.report.contents import Contents
from dnaft.report.groups import Group, marks_together
from dnaft.report.marks import UNEQUAL
from dnaft.report.paired_tests import Comparison, Ranking, Scores, compare, rank
from dnaft.report.result_tables import make_table
from dnaft.report.tables import Cell, Table, count, number, p_value

_TEST_COLUMNS = (
    ("difference", True), ("95% low", True), ("95% high", True), ("Cohen's d", True),
    ("p, t", True), ("p, t, Holm", True), ("p, Wilcoxon", True), ("p, Wilcoxon, Holm", True),
)  # fmt: skip
_PAIR_COLUMNS = (("model", False), ("score", False), ("first", False), ("second", False))
_LEAST_SEEDS = 3

Chosen = Mapping[str, Mapping[str, Group]]


def chosen_by_model(contents: Contents) -> dict[tuple[str, str], Chosen]:
    """Return by model and metric the chosen configuration of each method on each task.

    Trivial baselines, which have no model, stand beside the methods of every model.
    """
    found: dict[tuple[str, str], list[Group]] = {}
    for one in contents.best.values():
        found.setdefault((one.model, one.metric), []).append(one)
    chosen: dict[tuple[str, str], Chosen] = {}
    for (model, metric), groups in sorted(found.items()):
        rivals = contest(groups)
        if not rivals[0].on_test:
            rivals += [
                one
                for task in sorted({one.task for one in rivals})
                for one in contents.baselines.get(task, {}).values()
                if one.metric == metric
            ]
        methods: dict[str, dict[str, Group]] = {}
        for one in rivals:
            methods.setdefault(one.method, {})[one.task] = one
        chosen[model, metric] = methods
    return chosen


def _scores(chosen: Chosen) -> Scores:
    return {
        method: {task: one.test.mean for task, one in of_method.items()}
        for method, of_method in chosen.items()
    }


def _trivial(contents: Contents) -> set[str]:
    return {name for found in contents.baselines.values() for name in found}


def over_tasks(contents: Contents) -> Table:
    """Return the paired tests between methods over tasks."""
    trivial = _trivial(contents)
    rows = []
    for (model, metric), chosen in chosen_by_model(contents).items():
        for one in compare(_scores(chosen), trivial):
            first, second = chosen[one.first], chosen[one.second]
            pairs = [(first[task], second[task]) for task in first if task in second]
            both = [Cell(text) for text in (model, metric, one.first, one.second)]
            rows.append([*both, count(one.pairs), *_tested(one, pairs)])
    note = (
        "First minus second over the tasks that both have, test scores of the configurations that "
        "dev chose, each the mean over its seeds: one pair a task. Two-sided paired t and Wilcoxon "
        "signed-rank tests, each corrected by Holm within a model; Cohen's d of the differences; "
        "the interval is Student's and uncorrected. With n tasks Wilcoxon's p cannot fall under "
        "2 / 2^n, so that fewer than six tasks never reach 5%. Seeds: of the first and of the "
        f"second, - of deterministic baselines.{contents.shown}"
    )
    columns = (*_PAIR_COLUMNS, ("tasks", True), ("seeds", False), *_TEST_COLUMNS)
    return make_table("tests", "Methods compared over tasks", note, columns, rows)


def over_seeds(contents: Contents) -> Table:
    """Return the paired tests between methods over seeds, on each task."""
    trivial = _trivial(contents)
    rows = []
    for (model, metric), chosen in chosen_by_model(contents).items():
        for task in contents.tasks:
            there = {method: of[task] for method, of in chosen.items() if task in of}
            for one in compare(_seed_scores(there), trivial, _LEAST_SEEDS):
                both = [Cell(text) for text in (task, model, metric, one.first, one.second)]
                tested = _tested(one, [(there[one.first], there[one.second])])
                rows.append([*both, count(one.pairs), *tested])
    note = (
        "First minus second on one task, one pair a seed that both have, three or more; test "
        "scores of the configurations that dev chose. A deterministic baseline has the same score "
        "under every seed. Two-sided paired t and Wilcoxon signed-rank tests, each corrected by "
        "Holm within a task and model. Seeds stand for other starts and orders of the rows, not "
        "for other data: a difference may be sure on this split and not on another. With n seeds "
        f"Wilcoxon's p cannot fall under 2 / 2^n: 0.25 of three.{contents.shown}"
    )
    columns = (
        ("task", False), *_PAIR_COLUMNS, ("shared seeds", True), ("seeds", False), *_TEST_COLUMNS
    )  # fmt: skip
    return make_table("seed_tests", "Methods compared over seeds", note, columns, rows)


def _seed_scores(there: Mapping[str, Group]) -> Scores:
    """Return the test scores by method and seed, a deterministic one's under the seeds of all."""
    found = {
        method: {str(seed): score for seed, score in one.by_seed("test").items()}
        for method, one in there.items()
    }
    seeds = {seed for of in found.values() for seed in of}
    for method, one in there.items():
        if one.deterministic:
            found[method] = dict.fromkeys(seeds, one.test.mean)
    return found


def _tested(one: Comparison, pairs: Collection[tuple[Group, Group]]) -> list[Cell]:
    """Return how many seeds the compared groups have, and what the tests say."""
    marks = marks_together(group for pair in pairs for group in pair)
    seeded = [pair for pair in pairs if not any(group.deterministic for group in pair)]
    if any(first.test.count != second.test.count for first, second in seeded):
        marks |= {UNEQUAL}
    firsts, seconds = zip(*pairs, strict=True)
    return [
        Cell(f"{_seeds(firsts)} / {_seeds(seconds)}"),
        number(one.difference, "+.4f", marks),
        number(one.low, "+.4f"),
        number(one.high, "+.4f"),
        number(one.effect, "+.2f"),
        p_value(one.p_t),
        p_value(one.holm_t),
        p_value(one.p_wilcoxon),
        p_value(one.holm_wilcoxon),
    ]


def _seeds(groups: Iterable[Group]) -> str:
    counts = sorted({one.test.count for one in groups if not one.deterministic})
    if not counts:
        return "-"
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def rankings(contents: Contents) -> dict[str, tuple[Ranking, dict[str, frozenset[str]]]]:
    """Return by model and metric the ranking of its methods, and the warnings of each."""
    found = {}
    for (model, metric), chosen in chosen_by_model(contents).items():
        ranking = rank(_scores(chosen))
        if ranking is not None:
            marks = {
                method: marks_together(chosen[method][task] for task in ranking.tasks)
                for method in ranking.ranks
            }
            found[f"{model}, {metric}"] = ranking, marks
    return found


def friedman_table(
    contents: Contents, ranked: Mapping[str, tuple[Ranking, Mapping[str, frozenset[str]]]]
) -> Table:
    """Return Friedman's test of each model.

    Args:
        contents: The runs.
        ranked: What `rankings` returns.
    """
    rows = [
        [
            Cell(name),
            count(len(one.ranks)),
            count(len(one.tasks)),
            number(one.statistic, ".2f", frozenset().union(*marks.values())),
            p_value(one.p),
            number(one.critical, ".2f"),
        ]
        for name, (one, marks) in ranked.items()
    ]
    columns = (
        ("model", False), ("methods", True), ("tasks", True), ("chi-square", True), ("p", True),
        ("critical difference", True),
    )  # fmt: skip
    note = (
        "Friedman's test that all methods do alike, over the tasks that all of them have; methods "
        "with few tasks are left out. The critical difference is Nemenyi's at 5%."
        f"{contents.shown}"
    )
    return make_table("friedman", "All methods at once", note, columns, rows)

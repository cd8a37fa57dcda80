"""Figures over many tasks: radars, averages, how high methods rank."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from dnaft.report.charts import Figure, Level, Places, Point, Radar, Series
from dnaft.report.contents import Contents, describe
from dnaft.report.families import MARKS, family
from dnaft.report.groups import Group, marks_together
from dnaft.report.marks import Marked, explain, marks_of
from dnaft.report.paired_tests import Ranking
from dnaft.report.score_figures import bar_plot

_LEAST_AXES = 3


def radars(contents: Contents) -> Figure:
    """Return each model over the yeast histone marks, LINGO Fig. 4a and 4b."""
    charts = []
    for model in contents.models:
        for prefix in sorted({family(task)[0] for task in contents.tasks}):
            axes = tuple(
                task for mark in MARKS for task in contents.tasks if family(task) == (prefix, mark)
            )
            found = [
                (method, [contents.best.get((task, model, method)) for task in axes])
                for method in sorted(contents.palette.colours)
            ]
            shown = [
                (m, of) for m, of in found if sum(one is not None for one in of) >= _LEAST_AXES
            ]
            if len(axes) < _LEAST_AXES or not shown:
                continue
            series = tuple(
                Series(
                    Marked(method, marks_together(groups)),
                    tuple(
                        Point(at, one.test.mean, describe(one))
                        for at, one in enumerate(groups)
                        if one is not None
                    ),
                    colour=contents.palette.colours[method],
                )
                for method, groups in shown
            )
            # Lines of baselines become closed ones here, beside those of the methods.
            series += tuple(_baseline_series(contents, axes))
            title = f"{model}, {prefix}" if prefix else model
            charts.append(Radar(title, axes, series))
    return Figure(
        "radar",
        "Yeast histone marks",
        "Test score on each mark; further out is better. Dotted are trivial baselines."
        f"{contents.shown}",
        tuple(charts),
        "model",
    )


def _baseline_series(contents: Contents, axes: Sequence[str]) -> Iterable[Series]:
    names = sorted({name for task in axes for name in contents.baselines.get(task, {})})
    for at, name in enumerate(names):
        points = [
            Point(place, contents.baselines[task][name].test.mean, f"{name} · {task}")
            for place, task in enumerate(axes)
            if name in contents.baselines.get(task, {})
        ]
        if len(points) >= _LEAST_AXES:
            marks = marks_together(contents.baselines.get(task, {}).get(name) for task in axes)
            # Methods have circles: colour and line are the same for all baselines.
            yield Series(Marked(name, marks), tuple(points), shape=at + 1, trivial=True)


def averages(contents: Contents) -> Figure:
    """Return the mean over the tasks of a family by model and method, LINGO Fig. 4c and 4d."""
    charts = []
    for (name, metric), tasks in _families(contents).items():
        cells: dict[tuple[str, str], list[Group]] = {}
        for (task, model, method), one in contents.best.items():
            if task in tasks and not math.isnan(one.test.mean):
                cells.setdefault((method, model), []).append(one)
        shown = []
        for (method, model), found in sorted(cells.items()):
            mean = statistics.fmean(one.test.mean for one in found)
            marks = marks_together(found)
            said = [
                f"{method} · {model}",
                f"mean test {metric} {mean:.4f}",
                f"{len(found)} of {len(tasks)} tasks",
                *explain(marks),
            ]
            partial = len(found) < len(tasks)
            point = Point(0, mean, "\n".join(said), partial=partial)
            shown.append((Marked(method, marks), model, point))
        if len(tasks) > 1 and shown:
            levels = _mean_levels(contents, tasks)
            charts.append(bar_plot(contents, name, shown, f"mean test {metric}", levels))
    return Figure(
        "averages",
        "Average over tasks",
        "Mean test score over the tasks of a family. A pale bar, or one with a broken outline, "
        f"lacks some of them and must not be compared with the others.{contents.shown}",
        tuple(charts),
        "family",
    )


def _families(contents: Contents) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for task in contents.tasks:
        for metric in {one.metric for one in contents.of_task(task)}:
            prefix, rest = family(task)
            name = "yeast histone marks" if rest in MARKS else (prefix or task)
            if rest in MARKS and prefix:
                name = f"{name}, {prefix}"
            found.setdefault((name, metric), []).append(task)
    return found


def _mean_levels(contents: Contents, tasks: Sequence[str]) -> tuple[Level, ...]:
    found: dict[str, list[Level]] = {}
    for task in tasks:
        for level in contents.levels(task):
            found.setdefault(level.name, []).append(level)
    return tuple(
        Level(Marked(name, marks_of(*(one.name for one in of))), statistics.fmean(o.y for o in of))
        for name, of in found.items()
        if len(of) == len(tasks)
    )


def critical_differences(
    contents: Contents, rankings: Mapping[str, tuple[Ranking, Mapping[str, frozenset[str]]]]
) -> Figure:
    """Return mean ranks with Nemenyi's critical difference.

    Args:
        contents: The runs.
        rankings: By what they are over, each with the warnings of its methods.
    """
    charts = tuple(
        Places(
            name,
            tuple(Marked(method, marks[method]) for method in one.ranks),
            tuple(one.ranks.values()),
            one.critical,
            one.cliques,
        )
        for name, (one, marks) in rankings.items()
    )
    return Figure(
        "ranks_of_methods",
        "Mean rank over tasks",
        "Rank 1 is the best. Methods joined by a bar do not differ at 5% by Nemenyi's test, which "
        "only follows a Friedman test that finds a difference (see the table of all methods at "
        f"once).{contents.shown}",
        charts,
        "model",
    )

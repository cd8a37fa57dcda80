"""Figures over many tasks: radars, averages, how often and how high methods rank."""

import math
import statistics
from collections.abc import Iterable, Sequence

from dnaft.report.charts import Figure, Level, Places, Plot, Point, Radar, Series
from dnaft.report.contents import Contents, describe
from dnaft.report.families import MARKS, family
from dnaft.report.groups import Group
from dnaft.report.marks import MEANING
from dnaft.report.paired_tests import Ranking
from dnaft.report.score_figures import with_point

_LEAST_AXES = 3
_TOP = 2


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
                    method,
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
        "Test score on each mark; further out is better.",
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
            yield Series(name, tuple(points), colour=len(contents.palette.colours) + at)


def averages(contents: Contents) -> Figure:
    """Return the mean over the tasks of a family by model and method, LINGO Fig. 4c and 4d."""
    charts = []
    for (name, metric), tasks in _families(contents).items():
        cells: dict[tuple[str, str], list[Group]] = {}
        for (task, model, method), one in contents.best.items():
            if task in tasks and not math.isnan(one.test.mean):
                cells.setdefault((method, model), []).append(one)
        models = sorted({model for _, model in cells})
        series: dict[str, Series] = {}
        for (method, model), found in sorted(cells.items()):
            mean = statistics.fmean(one.test.mean for one in found)
            marks = set[str]().union(*(one.marks for one in found))
            said = [
                f"{method} · {model}",
                f"mean test {metric} {mean:.4f}",
                f"{len(found)} of {len(tasks)} tasks",
                *(f"{mark}: {MEANING[mark]}" for mark in sorted(marks)),
            ]
            partial = len(found) < len(tasks)
            point = Point(models.index(model), mean, "\n".join(said), partial=partial)
            series[method] = with_point(contents, series.get(method), method, point)
        if len(tasks) > 1 and series:
            levels = _mean_levels(contents, tasks)
            y = f"mean test {metric}"
            shown = tuple(series.values())
            charts.append(Plot(name, "", y, shown, levels, tuple(models), form="bars"))
    return Figure(
        "averages",
        "Average over tasks",
        "Mean test score over the tasks of a family. A pale bar lacks some of them and must not be "
        "compared with the others.",
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
    found: dict[str, list[float]] = {}
    for task in tasks:
        for level in contents.levels(task):
            found.setdefault(level.name, []).append(level.y)
    full = {name: values for name, values in found.items() if len(values) == len(tasks)}
    return tuple(Level(name, statistics.fmean(values)) for name, values in full.items())


def top_two(contents: Contents) -> Figure:
    """Return how often each method is among the two best of its model, LINGO Fig. 4e and 4f."""
    charts = []
    for model in contents.models:
        top: dict[str, int] = {}
        all_: dict[str, int] = {}
        for task in contents.tasks:
            found = {
                one.method: one.test.mean
                for one in contents.of_task(task)
                if one.model == model and not math.isnan(one.test.mean)
            }
            if len(found) <= _TOP:
                continue  # both of two are always among the two best
            bound = sorted(found.values(), reverse=True)[_TOP - 1]
            for method, score in found.items():
                all_[method] = all_.get(method, 0) + 1
                top[method] = top.get(method, 0) + (score >= bound)
        methods = sorted(all_)
        if methods:
            charts.append(_top_chart(contents, model, methods, top, all_))
    return Figure(
        "top_two",
        "Among the two best",
        "On how many tasks a method is one of the two best of its model by test score, ties "
        "counted for both; tasks with three methods or more. The pale bars are the tasks in all.",
        tuple(charts),
        "model",
    )


def _top_chart(
    contents: Contents, model: str, methods: list[str], top: dict[str, int], all_: dict[str, int]
) -> Plot:
    series = []
    for at, method in enumerate(methods):
        said = f"{method}: {top[method]} of {all_[method]} tasks"
        pale = Point(at, all_[method], said, partial=True)
        full = Point(at, top[method], said)
        colour = contents.palette.colours[method]
        series.append(Series(method, (pale, full), colour=colour))
    axis = tuple(methods)
    return Plot(model, "", "tasks", tuple(series), (), axis, form="bars", stacked=True)


def critical_differences(rankings: dict[str, Ranking]) -> Figure:
    """Return mean ranks with Nemenyi's critical difference.

    Args:
        rankings: By what they are over.
    """
    charts = tuple(
        Places(name, tuple(one.ranks), tuple(one.ranks.values()), one.critical, one.cliques)
        for name, one in rankings.items()
    )
    return Figure(
        "ranks_of_methods",
        "Mean rank over tasks",
        "Rank 1 is the best. Methods joined by a bar do not differ at 5% by Nemenyi's test, which "
        "only follows a Friedman test that finds a difference (see the table of all methods at "
        "once).",
        charts,
        "model",
    )

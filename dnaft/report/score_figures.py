"""Figures of the scores of a task: by method, and against cost."""

import math
from collections.abc import Sequence
from dataclasses import replace

from dnaft.report.charts import Figure, Level, Plot, Point, Series, pareto_front
from dnaft.report.contents import Contents, bars, describe
from dnaft.report.groups import Group


def against_parameters(contents: Contents) -> Figure:
    """Return score against trainable parameters, LINGO Fig. 2 and 3."""
    return _against(
        contents,
        "parameters",
        "Score against trainable parameters",
        "Upper left is better: more score from fewer parameters. The dashed steps are the Pareto "
        "front: no other configuration scores as high with as few.",
        ("parameters", "trainable"),
        "trainable parameters",
    )


def against_time(contents: Contents) -> Figure:
    """Return score against the seconds of a run."""
    return _against(
        contents,
        "time",
        "Score against run time",
        "Seconds of the whole run. Compare runs of one machine only.",
        ("timing", "seconds"),
        "seconds",
    )


def _against(
    contents: Contents, key: str, title: str, note: str, cost: tuple[str, str], label: str
) -> Figure:
    charts = []
    for task in contents.tasks:
        found = [one for one in contents.of_task(task) if one.value(*cost) > 0]
        found = [one for one in found if not math.isnan(one.test.mean)]
        series = []
        for one in found:
            low, high = bars(one)
            said = f"{describe(one)}\n{label} {one.value(*cost):,.0f}"
            point = Point(one.value(*cost), one.test.mean, said, low, high)
            series.append(contents.series(one, [point]))
        front = pareto_front([(one.value(*cost), one.test.mean) for one in found])
        if series:
            y = f"test {found[0].metric}"
            levels = contents.levels(task)
            charts.append(Plot(task, label, y, tuple(series), levels, x_log=True, front=front))
    return Figure(key, title, note, tuple(charts))


def by_method(contents: Contents) -> Figure:
    """Return the test score of each method, figures 1, 5, 9 and 14 of the report."""
    charts = []
    for task in contents.tasks:
        found = contents.of_task(task)
        if found:
            levels = contents.levels(task)
            charts.append(_bars(contents, task, found, f"test {found[0].metric}", levels))
    return Figure(
        "methods",
        "Best score by method",
        "Of each method the configuration that dev chose; the whiskers are one standard deviation "
        "over seeds.",
        tuple(charts),
    )


def _bars(
    contents: Contents, title: str, found: Sequence[Group], label: str, levels: tuple[Level, ...]
) -> Plot:
    models = sorted({one.model for one in found})
    series: dict[str, Series] = {}
    for one in found:
        low, high = bars(one)
        point = Point(models.index(one.model), one.test.mean, describe(one), low, high)
        series[one.method] = with_point(contents, series.get(one.method), one.method, point)
    ordered = tuple(series[name] for name in sorted(series))
    return Plot(title, "", label, ordered, levels, tuple(models), form="bars")


def with_point(contents: Contents, series: Series | None, method: str, point: Point) -> Series:
    """Return the series of a method with one more point; a new one if there is none."""
    if series is None:
        return Series(method, (point,), colour=contents.palette.colours[method])
    return replace(series, points=(*series.points, point))

"""Figures of the scores of a task: by method, and against cost."""

import math
from collections.abc import Sequence
from dataclasses import replace

from dnaft.report.charts import Figure, Level, Plot, Point, Series
from dnaft.report.choice import contest
from dnaft.report.contents import Contents, bars, describe
from dnaft.report.marks import Marked, marks_of


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
        front = pareto_front([(one.value(*cost), one.test.mean) for one in contest(found)])
        if series:
            y = f"test {found[0].metric}"
            levels = contents.levels(task)
            charts.append(Plot(task, label, y, tuple(series), levels, x_log=True, front=front))
    return Figure(key, title, note + contents.shown, tuple(charts))


def by_method(contents: Contents) -> Figure:
    """Return the test score of each method, figures 1, 5, 9 and 14 of the report."""
    charts = []
    for task in contents.tasks:
        found = contents.of_task(task)
        shown = [
            (one.label, one.model, Point(0, one.test.mean, describe(one), *bars(one)))
            for one in found
        ]
        if found:
            levels = contents.levels(task)
            charts.append(bar_plot(contents, task, shown, f"test {found[0].metric}", levels))
    return Figure(
        "methods",
        "Best score by method",
        "Of each method the configuration that dev chose; the whiskers are one standard deviation "
        f"over seeds.{contents.shown}",
        tuple(charts),
    )


def bar_plot(
    contents: Contents,
    title: str,
    bars: Sequence[tuple[str, str, Point]],
    y_label: str,
    levels: tuple[Level, ...] = (),
    y_log: bool = False,
) -> Plot:
    """Return the bars of each model side by side; of a single model each over its own name.

    Args:
        contents: The runs, for the colours.
        title: Of the plot.
        bars: Method, model and value; their places are found here.
        y_label: What the values are.
        levels: Trivial baselines.
        y_log: Whether the axis is logarithmic.
    """
    bars = sorted(bars, key=lambda bar: bar[:2])
    models = sorted({model for _, model, _ in bars})
    colours = contents.palette.colours
    if len(models) == 1:
        names = tuple(name for name, _, _ in bars)
        series = [
            Series(name, (replace(point, x=at),), colour=colours[name])
            for at, (name, _, point) in enumerate(bars)
        ]
    else:
        names, series = tuple(models), []
        for method in sorted({name for name, _, _ in bars}):
            own = [bar for bar in bars if bar[0] == method]
            points = tuple(replace(point, x=models.index(model)) for _, model, point in own)
            label = Marked(method, marks_of(*(name for name, _, _ in own)))
            series.append(Series(label, points, colour=colours[method]))
    alone = len(models) == 1
    return Plot(
        title,
        models[0] if alone else "",
        y_label,
        tuple(series),
        levels,
        names,
        y_log=y_log,
        form="bars",
        stacked=alone,
    )


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return the points that no other beats: none is as high without lying further right.

    >>> pareto_front([(1, 0.5), (2, 0.4), (3, 0.9), (3, 0.7)])
    ((1, 0.5), (3, 0.9))

    Args:
        points: (cost, score): less cost and more score are better.
    """
    front: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or y > front[-1][1]:
            front.append((x, y))
    return tuple(front)

"""Figures of the scores of a task: by method, and against cost."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dnaft.report.charts import Figure, Level, Plot, Point, Series
from dnaft.report.choice import contest
from dnaft.report.contents import Contents, bars, describe
from dnaft.report.groups import Group
from dnaft.report.marks import Marked, marks_of
from dnaft.report.run_time import NOTE, RunTimes

# Of configurations the name of a cost and what it is of each.
Measure = Callable[[Sequence[Group]], tuple[str, Mapping[Group, float]]]


def against_parameters(contents: Contents) -> Figure:
    """Return score against trainable parameters, LINGO Fig. 2 and 3."""
    return _against(
        contents,
        "parameters",
        "Score against trainable parameters",
        "Upper left is better: more score from fewer parameters. The dashed steps are the Pareto "
        "front: no other configuration scores as high with as few.",
        lambda found: (
            "trainable parameters",
            {one: one.value("parameters", "trainable") for one in found},
        ),
    )


def against_time(contents: Contents) -> Figure:
    """Return score against the seconds of training."""
    times = RunTimes(contents.runs)
    return _against(contents, "time", "Score against time", NOTE, times.of)


def _against(contents: Contents, key: str, title: str, note: str, measure: Measure) -> Figure:
    charts = []
    for task in contents.tasks:
        scored = [one for one in contents.of_task(task) if not math.isnan(one.test.mean)]
        label, cost = measure(scored)
        found = [one for one in scored if cost.get(one, math.nan) > 0]
        series = []
        for one in found:
            low, high = bars(one)
            said = f"{describe(one)}\n{label} {cost[one]:,.{0 if cost[one] >= 10 else 2}f}"
            series.append(contents.series(one, [Point(cost[one], one.test.mean, said, low, high)]))
        front = pareto_front([(cost[one], one.test.mean) for one in contest(found)])
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

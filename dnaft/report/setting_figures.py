"""Figures of what settings do: the score by rank, learning rate, batch size; time and size."""

import math
from collections.abc import Sequence

from dnaft.report.charts import Figure, Plot, Point, Rows, Series
from dnaft.report.choice import best_of, with_remarks
from dnaft.report.configuration_names import NAMES, configuration_names
from dnaft.report.contents import Contents, bars, describe
from dnaft.report.groups import Group
from dnaft.report.marks import Marked
from dnaft.report.run_time import NOTE, RunTimes
from dnaft.report.score_figures import bar_plot
from dnaft.report.settings import Value, is_number, show
from dnaft.report.variants import RELEASED

_MOST_TICKS = 8
_LOG_FROM = 8  # the largest value over the smallest, from which an axis is logarithmic


def by_setting(contents: Contents) -> list[Figure]:
    """Return for each setting that was varied the dev score by its values."""
    keys = sorted({key for one in contents.compared for key in one.settings} - {RELEASED})
    figures = (_by_setting(contents, key) for key in keys)
    return [figure for figure in figures if figure.charts]


def _by_setting(contents: Contents, key: str) -> Figure:
    charts = []
    for task in contents.tasks:
        for model in contents.models:
            found = [
                one
                for one in contents.compared
                if (one.task, one.model) == (task, model)
                and key in one.settings
                and not math.isnan(one.dev.mean)
            ]
            values = _ordered({one.settings[key] for one in found})
            if len(values) > 1:
                charts.append(_setting_plot(contents, found, key, values))
    charts = [chart for chart in charts if chart.series]
    return Figure(
        f"setting_{key}",
        f"Score by {key}",
        "Dev scores: settings are chosen by these. Of the other settings each point has those that "
        "dev chose; a ring marks the value that dev chose of all. Whiskers: one standard deviation "
        f"over seeds. Test scores stand in the text of each point.{contents.shown}",
        tuple(charts),
        "task and model",
    )


def _setting_plot(
    contents: Contents, found: Sequence[Group], key: str, values: Sequence[Value]
) -> Plot:
    numeric = all(is_number(value) for value in values)
    series = []
    for method in sorted({one.method for one in found}):
        own = [one for one in found if one.method == method]
        best, points = best_of(own), []
        for at, value in enumerate(values):
            there = [one for one in own if one.settings[key] == value]
            if there:
                one = best_of(there)
                low, high = bars(one, "dev")
                x = float(str(value)) if numeric else float(at)
                points.append(Point(x, one.dev.mean, describe(one), low, high, ringed=one is best))
        if len(points) > 1:
            marks = with_remarks(best, own).marks.union(*(one.marks for one in own))
            name, colour = Marked(method, marks), contents.palette.colours[method]
            series.append(Series(name, tuple(points), colour=colour, joined=numeric))
    task, model = found[0].task, found[0].model
    return Plot(
        f"{task}, {model}",
        key,
        f"dev {found[0].metric}",
        tuple(series),
        contents.levels(task, split="dev"),
        tuple(show(value) for value in values if not numeric),
        x_log=numeric and _is_wide([float(str(value)) for value in values]),
        x_ticks=tuple(float(str(value)) for value in values if numeric)
        if len(values) <= _MOST_TICKS
        else (),
    )


def _is_wide(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) / min(values) >= _LOG_FROM


def _ordered(values: set[Value]) -> list[Value]:
    if all(is_number(value) for value in values):
        return sorted(values, key=lambda value: float(str(value)))
    return sorted(values, key=show)


def run_times(contents: Contents) -> Figure:
    """Return the seconds of every configuration, figure 8 of the report."""
    charts, times = [], RunTimes(contents.runs)
    for task in contents.tasks:
        for model in contents.models:
            there = [one for one in contents.groups if (one.task, one.model) == (task, model)]
            label, seconds = times.of(there)
            found = sorted(seconds, key=_by_rate)
            if found:
                methods = sorted({one.method for one in found})
                names = configuration_names(found)
                series = []
                for method in methods:
                    points = tuple(
                        Point(at, seconds[one], f"{describe(one)}\n{label} {seconds[one]:,.1f}")
                        for at, one in enumerate(found)
                        if one.method == method
                    )
                    colour = contents.palette.colours[method]
                    series.append(Series(method, points, colour=colour))
                title, shown = f"{task}, {model}", tuple(series)
                charts.append(Rows(title, label, names, shown))
    told = any("=" in name for chart in charts for name in chart.names)
    return Figure(
        "run_time",
        "Time by configuration",
        f"{NOTE} {NAMES}" if told else NOTE,
        tuple(charts),
        "task and model",
    )


def _by_rate(one: Group) -> tuple[str, bool, float, str]:
    """Return what bars are ordered by: the method, the learning rate, the other settings."""
    without = math.isnan(one.lr)
    return one.method, not without, 0.0 if without else one.lr, one.name


def trainable_shares(contents: Contents) -> Figure:
    """Return the percentage of parameters that are trained, figure 16 of the report."""
    charts = []
    for task in contents.tasks:
        shown = [
            (
                one.method,
                one.model,
                Point(
                    0,
                    _share(one),
                    f"{describe(one)}\n{_share(one):.4g}% of the parameters are trained",
                ),
            )
            for one in contents.of_task(task)
            if _share(one) > 0
        ]
        if shown:
            charts.append(bar_plot(contents, task, shown, "% trainable", y_log=True))
    return Figure(
        "trainable",
        "Percentage of trainable parameters",
        "Of all parameters, those that the chosen configuration trains; logarithmic.",
        tuple(charts),
    )


def _share(one: Group) -> float:
    return 100 * one.value("parameters", "fraction")

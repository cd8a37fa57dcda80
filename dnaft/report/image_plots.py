"""Points, lines and bars over an axis, drawn by matplotlib."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator, NullFormatter

from dnaft.report.axes import Axis, short, spanned, spread
from dnaft.report.bar_places import bar_places
from dnaft.report.charts import Plot, Series
from dnaft.report.image_looks import colour_of, face_of, filling, line_of, marker_of, printed
from dnaft.report.marks import shortened
from dnaft.report.palette import fill_of

_MOST_LARGE = 12  # names of a key in letters of the usual size
_NAME = 0.025  # inches of a line of a key, by size
_LONGEST = 40  # letters of a turned name
_FEW = 4  # bars, under which each would be very wide
_MOST_LETTERS = 44  # of names side by side
_MOST_VALUED = 10  # bars that say their value
_VALUED_BAR, _BAR = 0.36, 0.14  # inches
_HEIGHT_SHARE = 0.7  # about, of a canvas: its axes
_APART = 0.14  # inches between two names, one above the other
_MOST_MARKS = 8  # along a line without a mark at each point


def add_key(canvas: Canvas, names: int) -> None:
    """Write the names of the series beside a chart, which becomes high enough for them."""
    size = 9 if names <= _MOST_LARGE else 6
    width, height = canvas.get_size_inches()
    canvas.set_size_inches(width, max(height, 0.4 + names * size * _NAME))
    canvas.legend(loc="outside right upper", frameon=False, fontsize=size)


def draw_plot(plot: Plot, canvas: Canvas) -> None:
    """Draw a plot."""
    axes = canvas.add_subplot()
    # Logarithms first: bars take the foot of their axis.
    axes.set_xscale("log" if plot.x_log else "linear")
    axes.set_yscale("log" if plot.y_log else "linear")
    if plot.categories:
        beside = bar_places(plot)[0] if plot.form == "bars" else 1
        alone = max(0.0, (_FEW - len(plot.categories) * beside) / 2)
        axes.set_xlim(-0.6 - alone, len(plot.categories) - 0.4 + alone)
    else:  # matplotlib finds no range around a single value
        drawn = [point for series in plot.series for point in series.points]
        values = [point.x for point in drawn]
        if plot.diagonal:
            values += [point.y for point in drawn]
            axes.set_ylim(*spanned(values))
        axes.set_xlim(*spanned(values, plot.x_log))
    named: set[str] = set()
    several = len({series.of for series in plot.series}) > 1
    valued = sum(len(series.points) for series in plot.series) <= _MOST_VALUED * (1 + plot.stacked)
    for at, series in enumerate(plot.series):
        full = f"{series.name} · {series.of}" if several and series.of else str(series.name)
        raised = printed(series.name).removeprefix(printed(str(series.name)))
        label = printed(full) + raised if full not in named else None
        named.add(full)
        if plot.form == "bars":
            _bars(axes, plot, at, label, valued)
        else:
            _points(axes, series, label)
    if plot.front:
        across, up = zip(*plot.front, strict=True)
        axes.step(across, up, where="post", color="0.3", linestyle="--", linewidth=1)
    if plot.diagonal:
        axes.axline((0.5, 0.5), slope=1, color="0.5", linestyle=":", linewidth=1)
    if plot.y_log and plot.form == "bars":
        heights = (point.y for series in plot.series for point in series.points)
        axes.set_ylim(*spanned(heights, log=True, zero=True))
    if plot.categories:
        _name_places(axes, plot, canvas)
        _widen(plot, canvas, valued)
    if plot.x_ticks:
        axes.set_xticks(plot.x_ticks, [short(tick) for tick in plot.x_ticks])
        axes.minorticks_off()
    elif plot.x_log:
        _number(axes.xaxis, *axes.get_xlim())
    if plot.y_log:
        _number(axes.yaxis, *axes.get_ylim())
    if plot.whole:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(title=printed(plot.title), xlabel=printed(plot.x_label), ylabel=printed(plot.y_label))
    if len(named) > 1 and not plot.stacked:
        add_key(canvas, len(named))
    _levels(axes, plot, canvas)


def _number(axis: Any, low: float, high: float) -> None:
    """Write few short numbers at a logarithmic axis, none at its small ticks."""
    ticks = Axis(low, high, 0, 1, log=True).ticks()
    axis.set_ticks(ticks, [short(tick) for tick in ticks])
    axis.set_minor_formatter(NullFormatter())


def _levels(axes: Any, plot: Plot, canvas: Canvas) -> None:
    """Draw lines with their names right of the plot, moved apart where lines lie close."""
    levels = sorted(plot.levels, key=lambda one: one.y)
    for level in levels:
        axes.axhline(level.y, color="0.2", linestyle=":", linewidth=1)
    axes.get_ylim()  # which finds the range
    to_share = axes.transData + axes.transAxes.inverted()
    heights = [float(to_share.transform((0, level.y))[1]) for level in levels]
    within = _HEIGHT_SHARE * canvas.get_size_inches()[1]
    for level, height, place in zip(levels, heights, spread(heights, _APART / within), strict=True):
        axes.annotate(
            printed(shortened(level.name, _LONGEST)),
            (1.0, height),
            (1.02, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            fontsize=7,
            arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.6, "shrinkB": 0},
        )


def _name_places(axes: Any, plot: Plot, canvas: Canvas) -> None:
    names = [printed(shortened(name, _LONGEST)) for name in plot.categories]
    longest = min(_LONGEST, max(map(len, plot.categories)))
    look: dict[str, Any] = {}
    if len(names) * longest > _MOST_LETTERS:
        look = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
        width, height = canvas.get_size_inches()
        canvas.set_size_inches(max(width, 2 + 0.32 * len(names)), height + 0.035 * longest)
    axes.set_xticks(range(len(names)), names, **look)


def _widen(plot: Plot, canvas: Canvas, valued: bool) -> None:
    """Make room for bars side by side, and for the value above each."""
    if plot.form == "bars" and not plot.stacked:
        width, height = canvas.get_size_inches()
        bars = len(plot.categories) * bar_places(plot)[0] / 0.8  # with the space between models
        key = 0.7 + 0.07 * max(len(series.name) for series in plot.series)
        wanted = 1 + key + bars * (_VALUED_BAR if valued else _BAR)
        canvas.set_size_inches(max(width, wanted), height)


def _points(axes: Any, series: Series, label: str | None) -> None:
    x, y, low, high = (
        np.array([getattr(point, name) for point in series.points], dtype=np.float64)
        for name in ("x", "y", "low", "high")
    )
    look: dict[str, Any] = {"color": colour_of(series), "label": label}
    look["linestyle"] = line_of(series) if series.joined else ""
    if series.dotted or fill_of(series.colour):
        look |= {"marker": marker_of(series), "markersize": 5, "markerfacecolor": face_of(series)}
    if not series.dotted:
        look["markevery"] = len(series.points) // _MOST_MARKS + 1
    axes.errorbar(x, y, yerr=_whiskers(y, low, high), **look)
    ringed = np.array([point.ringed for point in series.points])
    if ringed.any():
        around = {"facecolors": "none", "edgecolors": colour_of(series)}
        axes.scatter(x[ringed], y[ringed], s=110, **around)
    for point in series.points:
        if point.beside:
            below = {"textcoords": "offset points", "xytext": (6, -8), "fontsize": 7}
            axes.annotate(point.beside, (point.x, point.y), **below)


def _whiskers(y: Any, low: Any, high: Any) -> Any:
    ends = np.stack([y - low, high - y])
    return None if np.isnan(ends).all() else np.nan_to_num(ends)


def _bars(axes: Any, plot: Plot, at: int, label: str | None, valued: bool) -> None:
    series, (most, offsets) = plot.series[at], bar_places(plot)
    width = 0.8 / most
    for point in series.points:
        if not math.isfinite(point.y):
            continue
        low, high = (np.array([value]) for value in (point.low, point.high))
        bar = axes.bar(
            point.x + offsets[at, point.x] * width,
            point.y,
            width * 0.94,
            yerr=_whiskers(np.array([point.y]), low, high),
            label=label,
            **filling(series, point),
        )
        label = None
        if valued and not (plot.stacked and point.partial):
            # On white, so that it can be read before the line of a baseline.
            paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
            value = short(float(f"{point.y:.3g}"))
            axes.bar_label(bar, [value], padding=2, fontsize=7, bbox=paper)

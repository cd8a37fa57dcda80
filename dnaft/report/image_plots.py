"""Points, lines and bars over an axis, drawn by matplotlib."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from dnaft.report.axes import short, spanned
from dnaft.report.charts import Plot, Series
from dnaft.report.marks import letters, marks_of, shortened

_COLOURS = (
    "#2f6fb0", "#c8641b", "#3d8a52", "#8657a8", "#b03a5b", "#6d6d6d", "#1f8a8a", "#8a7a12",
    "#7a5230", "#c2559a",
)  # fmt: skip
_MARKERS = "os^D"
_MOST_LARGE = 12  # names of a key in letters of the usual size
_LONGEST = 40  # letters of a turned name
_FEW = 4  # bars, under which each would be very wide
_MOST_LETTERS = 44  # of names side by side
_MOST_VALUED = 10  # bars that say their value


def colour_of(series: Series) -> str:
    """Return the colour of a series."""
    return _COLOURS[series.colour % len(_COLOURS)]


def printed(name: str) -> str:
    """Return a name as matplotlib prints it, its warnings raised behind it."""
    safe = str(name).replace("$", r"\$")
    marks = marks_of(name)
    return rf"{safe}$^{{\mathrm{{{letters(marks)}}}}}$" if marks else safe


def draw_plot(plot: Plot, canvas: Canvas) -> None:
    """Draw a plot."""
    axes = canvas.add_subplot()
    # Logarithms first: bars take the foot of their axis.
    axes.set_xscale("log" if plot.x_log else "linear")
    axes.set_yscale("log" if plot.y_log else "linear")
    if plot.categories:
        alone = max(0.0, (_FEW - len(plot.categories)) / 2)
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
    _levels(axes, plot)
    if plot.categories:
        _name_places(axes, plot, canvas)
    if plot.x_ticks:
        axes.set_xticks(plot.x_ticks, [short(tick) for tick in plot.x_ticks])
        axes.minorticks_off()
    if plot.whole:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(title=printed(plot.title), xlabel=printed(plot.x_label), ylabel=printed(plot.y_label))
    if len(named) > 1 and not plot.stacked:
        size = 9 if len(named) <= _MOST_LARGE else 6
        canvas.legend(loc="outside right upper", frameon=False, fontsize=size)


def _levels(axes: Any, plot: Plot) -> None:
    for at, level in enumerate(plot.levels):
        axes.axhline(level.y, color="0.2", linestyle=":", linewidth=1)
        # To either side in turn: lines that lie close keep their names apart.
        axes.text(
            1 - at % 2,
            level.y,
            printed(level.name),
            ha=("right", "left")[at % 2],
            va="bottom",
            fontsize=7,
            transform=axes.get_yaxis_transform(),
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


def _points(axes: Any, series: Series, label: str | None) -> None:
    x, y, low, high = (
        np.array([getattr(point, name) for point in series.points], dtype=np.float64)
        for name in ("x", "y", "low", "high")
    )
    look = {"color": colour_of(series), "label": label, "linestyle": "-" if series.joined else ""}
    marker = _MARKERS[series.shape % len(_MARKERS)] if series.dotted else None
    axes.errorbar(x, y, yerr=_whiskers(y, low, high), marker=marker, markersize=5, **look)
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
    series, count = plot.series[at], len(plot.series)
    place, width = (0.0, 0.8) if plot.stacked else (at - (count - 1) / 2, 0.8 / count)
    for point in series.points:
        if not math.isfinite(point.y):
            continue
        low, high = (np.array([value]) for value in (point.low, point.high))
        bar = axes.bar(
            point.x + place * width,
            point.y,
            width * 0.94,
            yerr=_whiskers(np.array([point.y]), low, high),
            color=colour_of(series),
            alpha=0.35 if point.partial else 1,
            label=label,
        )
        label = None
        if valued and not (plot.stacked and point.partial):
            axes.bar_label(bar, [short(float(f"{point.y:.3g}"))], padding=2, fontsize=7)

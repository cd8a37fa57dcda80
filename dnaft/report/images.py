"""The charts as PNG and SVG files, drawn by matplotlib."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas

from dnaft.report.axes import short
from dnaft.report.charts import Chart, Figure, Heat, Places, Plot, Radar, Series

_COLOURS = (
    "#2f6fb0", "#c8641b", "#3d8a52", "#8657a8", "#b03a5b", "#6d6d6d", "#1f8a8a", "#8a7a12",
    "#7a5230", "#c2559a",
)  # fmt: skip
_MARKERS = "os^D"
_PNG_DPI = 160
_MOST_LARGE = 12  # names of a key in letters of the usual size
_STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "svg.hashsalt": "dnaft",  # the same runs give the same file
    "svg.fonttype": "none",
}


def write_images(figures: Sequence[Figure], folder: Path) -> list[Path]:
    """Draw every chart as FIGURE-CHART.png and .svg; return the files.

    Args:
        figures: What to draw.
        folder: Where to; it is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with mpl.rc_context(_STYLE):
        for figure in figures:
            for name, chart in zip(_names(figure), figure.charts, strict=True):
                canvas = draw(chart)
                canvas.savefig(folder / f"{name}.png", dpi=_PNG_DPI)
                canvas.savefig(folder / f"{name}.svg", metadata={"Date": None})
                files += [folder / f"{name}.png", folder / f"{name}.svg"]
    return files


def _names(figure: Figure) -> list[str]:
    names: list[str] = []
    for chart in figure.charts:
        safe = re.sub(r"[^A-Za-z0-9.]+", "_", chart.title).strip("_")[:80]
        name = f"{figure.key}-{safe}"
        names.append(f"{name}-{len(names)}" if name in names else name)
    return names


def draw(chart: Chart) -> Canvas:
    """Return a chart, drawn."""
    canvas = Canvas(figsize=(6.4, 4.0), layout="constrained")
    if isinstance(chart, Radar):
        _radar(chart, canvas)
    elif isinstance(chart, Heat):
        _heat(chart, canvas)
    elif isinstance(chart, Places):
        _places(chart, canvas)
    else:
        _plot(chart, canvas)
    return canvas


def _colour(series: Series) -> str:
    return _COLOURS[series.colour % len(_COLOURS)]


def _plot(plot: Plot, canvas: Canvas) -> None:
    axes = canvas.add_subplot()
    # Logarithms first: bars take the foot of their axis.
    axes.set_xscale("log" if plot.x_log else "linear")
    axes.set_yscale("log" if plot.y_log else "linear")
    named: set[str] = set()
    several = len({series.of for series in plot.series}) > 1
    for at, series in enumerate(plot.series):
        full = f"{series.name} · {series.of}" if several and series.of else series.name
        label = full if full not in named else None
        named.add(full)
        if plot.form == "bars":
            _bars(axes, series, *((0, 1) if plot.stacked else (at, len(plot.series))), label)
        else:
            _points(axes, series, label)
    if plot.front:
        across, up = zip(*plot.front, strict=True)
        axes.step(across, up, where="post", color="0.3", linestyle="--", linewidth=1)
    if plot.diagonal:
        axes.axline((0.5, 0.5), slope=1, color="0.5", linestyle=":", linewidth=1)
    for at, level in enumerate(plot.levels):
        axes.axhline(level.y, color="0.2", linestyle=":", linewidth=1)
        look: dict[str, Any] = {
            "transform": axes.get_yaxis_transform(),
            "va": "bottom",
            "fontsize": 7,
        }
        # To either side in turn: lines that lie close keep their names apart.
        axes.text(1 - at % 2, level.y, level.name, ha=("right", "left")[at % 2], **look)
    if plot.categories:
        long = len(plot.categories) > 5 or max(map(len, plot.categories)) > 14
        axes.set_xticks(range(len(plot.categories)), plot.categories, rotation=25 if long else 0)
    if plot.x_ticks:
        axes.set_xticks(plot.x_ticks, [short(tick) for tick in plot.x_ticks])
        axes.minorticks_off()
    axes.set(title=plot.title, xlabel=plot.x_label, ylabel=plot.y_label)
    if len(named) > 1 and not plot.stacked:
        size = 9 if len(named) <= _MOST_LARGE else 6
        canvas.legend(loc="outside right upper", frameon=False, fontsize=size)


def _points(axes: Any, series: Series, label: str | None) -> None:
    x, y, low, high = (
        np.array([getattr(point, name) for point in series.points], dtype=np.float64)
        for name in ("x", "y", "low", "high")
    )
    look = {"color": _colour(series), "label": label, "linestyle": "-" if series.joined else ""}
    marker = _MARKERS[series.shape % len(_MARKERS)] if series.dotted else None
    axes.errorbar(x, y, yerr=_whiskers(y, low, high), marker=marker, markersize=5, **look)
    ringed = np.array([point.ringed for point in series.points])
    if ringed.any():
        around = {"facecolors": "none", "edgecolors": _colour(series)}
        axes.scatter(x[ringed], y[ringed], s=110, **around)


def _whiskers(y: Any, low: Any, high: Any) -> Any:
    ends = np.stack([y - low, high - y])
    return None if np.isnan(ends).all() else np.nan_to_num(ends)


def _bars(axes: Any, series: Series, at: int, count: int, label: str | None) -> None:
    width = 0.8 / count
    for point in series.points:
        if not math.isfinite(point.y):
            continue
        low, high = (np.array([value]) for value in (point.low, point.high))
        axes.bar(
            point.x + (at - (count - 1) / 2) * width,
            point.y,
            width * 0.94,
            yerr=_whiskers(np.array([point.y]), low, high),
            color=_colour(series),
            alpha=0.35 if point.partial else 1,
            label=label,
        )
        label = None


def _radar(radar: Radar, canvas: Canvas) -> None:
    axes = canvas.add_subplot(projection="polar")
    axes.set_theta_offset(math.pi / 2)  # type: ignore[attr-defined]
    axes.set_theta_direction(-1)  # type: ignore[attr-defined]
    step = 2 * math.pi / len(radar.axes)
    for series in radar.series:
        shown = [point for point in series.points if math.isfinite(point.y)]
        closed = [*shown, *shown[:1]]
        angles, values = [point.x * step for point in closed], [point.y for point in closed]
        axes.plot(angles, values, color=_colour(series), label=series.name)
        axes.fill(angles, values, color=_colour(series), alpha=0.03)
    axes.set_xticks([at * step for at in range(len(radar.axes))], radar.axes)
    axes.set_title(radar.title)
    canvas.legend(loc="outside right upper", frameon=False)


def _heat(heat: Heat, canvas: Canvas) -> None:
    axes = canvas.add_subplot()
    image = axes.imshow(
        np.array(heat.values), cmap="Blues", vmin=heat.low, vmax=heat.high, aspect="auto"
    )
    axes.set_xticks(range(len(heat.columns)), heat.columns, rotation=40, ha="right")
    axes.set_yticks(range(len(heat.rows)), heat.rows)
    for row, values in enumerate(heat.values):
        for column, value in enumerate(values):
            if not math.isnan(value):
                full = value > (heat.low + heat.high) / 2
                look: dict[str, Any] = {"color": "white" if full else "black", "fontsize": 7}
                axes.text(column, row, format(value, heat.form), ha="center", va="center", **look)
    axes.set_title(heat.title)
    canvas.colorbar(image, label=heat.y_label)


def _places(places: Places, canvas: Canvas) -> None:
    axes = canvas.add_subplot()
    count = len(places.names)
    for at, (name, rank) in enumerate(zip(places.names, places.ranks, strict=True)):
        axes.plot([rank, rank], [0, -at - 1], color="0.5", linewidth=0.8)
        axes.text(rank, -at - 1, f" {name}  {rank:.2f}", va="center")
    for at, (first, last) in enumerate(places.cliques):
        ends = [places.ranks[first] - 0.03, places.ranks[last] + 0.03]
        axes.plot(ends, [-0.2 - 0.2 * at] * 2, color="0.1", linewidth=3)
    axes.plot([1, 1 + places.critical], [0.6, 0.6], color="0.1", linewidth=3)
    axes.text(1, 0.75, f"critical difference {places.critical:.2f}")
    axes.set(
        title=places.title, xlabel="mean rank", xlim=(0.9, count + 0.8), ylim=(-count - 1, 1.2)
    )
    axes.get_yaxis().set_visible(False)
    axes.spines["left"].set_visible(False)

"""A plot as SVG."""

import math
from collections.abc import Sequence

from dnaft.report.axes import Axis, spread
from dnaft.report.charts import Level, Plot, Point, Series
from dnaft.report.palette import fill_of
from dnaft.report.svg_axes import draw_axes, fits, lay_out, level_name
from dnaft.report.svg_bars import VALUE, draw_bars, draw_values, place_bars
from dnaft.report.svg_shapes import (
    LETTER,
    MARKERS,
    WIDTH,
    draw_marker,
    frame,
    group,
    line,
    path,
    text,
    tip,
)

_APART = 13  # between two texts, one above the other
_MOST_MARKS = 8  # along a line without a mark at each point


def draw_plot(plot: Plot) -> str:
    """Return points, lines or bars over an axis."""
    x, y = lay_out(plot)
    parts = [draw_axes(plot, x, y)]
    if plot.diagonal:
        parts.append(line("diagonal", x(x.low), y(x.low), x(x.high), y(x.high)))
    if plot.front:
        parts.append(_front(plot, x, y))
    if plot.form == "bars":
        bars = list(zip(plot.series, place_bars(plot, x, y), strict=True))
        parts += [group(series, draw_bars(own, y)) for series, own in bars]
        parts.append(_levels(plot.levels, x, y))
        # Values stand before the lines, so that they can be read.
        values = [(series, draw_values(plot, own, y)) for series, own in bars]
        parts += [group(series, said) for series, said in values if said]
    else:
        parts.append(_levels(plot.levels, x, y))
        parts += [group(series, _points(plot, series, x, y)) for series in plot.series]
    return frame(plot.title, "".join(parts))


def _front(plot: Plot, x: Axis, y: Axis) -> str:
    corners = []
    for at, (across, up) in enumerate(plot.front):
        if at:
            corners.append((x(across), y(plot.front[at - 1][1])))
        corners.append((x(across), y(up)))
    corners.append((x.end, corners[-1][1]))
    return f'<polyline class="front" points="{path(corners)}"/>'


def _points(plot: Plot, series: Series, x: Axis, y: Axis) -> str:
    shown = [p for p in series.points if fits(p, plot)]
    parts = []
    if series.joined:
        places = path([(x(p.x), y(p.y)) for p in shown])
        whole = "" if series.dotted else tip(series.name)
        parts.append(
            f'<polyline class="join dash{series.shape % MARKERS}" points="{places}"{whole}/>'
        )
    if series.dotted:
        parts += [_dot(p, series.shape, x, y) for p in shown]
    elif fill_of(series.colour):
        # A line alone would look like that of the first ten.
        few = shown[:: len(shown) // _MOST_MARKS + 1]
        parts += [draw_marker(x(p.x), y(p.y), series.shape) for p in few]
    return "".join(parts)


def _dot(point: Point, shape: int, x: Axis, y: Axis) -> str:
    across, up = x(point.x), y(point.y)
    bar = ""
    if math.isfinite(point.low + point.high):
        bar = line("error", across, y(point.low), across, y(point.high))
    ring = f'<circle class="ring" cx="{across:.1f}" cy="{up:.1f}" r="8"/>' if point.ringed else ""
    marker = draw_marker(across, up, shape, tip(point.tip))
    return f"{bar}{ring}{marker}{_beside(across, up, point.beside)}"


def _beside(across: float, up: float, name: str) -> str:
    """Return a name at a mark: lower right, or upper left where it would run over the edge."""
    if not name:
        return ""
    if across + 9 + LETTER * len(name) <= WIDTH:
        return text(across + 9, up + 12, name, "start", VALUE)
    return text(across - 9, up - 8, name, "end", VALUE)


def _levels(levels: Sequence[Level], x: Axis, y: Axis) -> str:
    """Return lines with their names right of the plot, moved apart where lines lie close."""
    ordered = sorted(levels, key=lambda one: y(one.y))
    names = spread([y(one.y) for one in ordered], _APART)
    parts = []
    for level, place in zip(ordered, names, strict=True):
        up = y(level.y)
        said = tip(level.tip or f"{level.name}: {level.y:.4f}")
        parts.append(
            f'<g class="level"{said}>{line("level", x.start, up, x.end, up)}'
            f"{line('lead', x.end + 1, up, x.end + 8, place)}"
            f"{text(x.end + 10, place + 3.5, level_name(level.name), 'start')}</g>"
        )
    return "".join(parts)

"""A plot as SVG."""

import math
from collections.abc import Sequence

from dnaft.report.axes import Axis, short
from dnaft.report.charts import Level, Plot, Point, Series
from dnaft.report.palette import fill_of
from dnaft.report.svg_axes import RIGHT, draw_axes, lay_out
from dnaft.report.svg_shapes import MARKERS, draw_marker, frame, group, line, path, text, tip

_APART = 13  # between two texts, one above the other
_WIDEST = 46  # bar
_VALUED_FROM = 32  # wide bars say their value
_MOST_MARKS = 8  # along a line without a mark at each point


def draw_plot(plot: Plot) -> str:
    """Return points, lines or bars over an axis."""
    x, y = lay_out(plot)
    parts = [draw_axes(plot, x, y)]
    if plot.diagonal:
        parts.append(line("diagonal", x(x.low), y(x.low), x(x.high), y(x.high)))
    if plot.front:
        parts.append(_front(plot, x, y))
    draw = _bars if plot.form == "bars" else _points
    for at, series in enumerate(plot.series):
        shapes = draw(plot, series, at, x, y)
        parts.append(group(series, shapes))
    parts.append(_levels(plot.levels, x, y))
    return frame(plot.title, "".join(parts))


def _front(plot: Plot, x: Axis, y: Axis) -> str:
    corners = []
    for at, (across, up) in enumerate(plot.front):
        if at:
            corners.append((x(across), y(plot.front[at - 1][1])))
        corners.append((x(across), y(up)))
    corners.append((RIGHT, corners[-1][1]))
    return f'<polyline class="front" points="{path(corners)}"/>'


def _points(plot: Plot, series: Series, _at: int, x: Axis, y: Axis) -> str:
    shown = [p for p in series.points if _fits(p, plot)]
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


def _fits(point: Point, plot: Plot) -> bool:
    values = [(point.x, plot.x_log), (point.y, plot.y_log)]
    return all(math.isfinite(value) and (value > 0 or not log) for value, log in values)


def _dot(point: Point, shape: int, x: Axis, y: Axis) -> str:
    across, up = x(point.x), y(point.y)
    bar = ""
    if math.isfinite(point.low + point.high):
        bar = line("error", across, y(point.low), across, y(point.high))
    ring = f'<circle class="ring" cx="{across:.1f}" cy="{up:.1f}" r="8"/>' if point.ringed else ""
    beside = text(across + 9, up + 12, point.beside, "start", _VALUE) if point.beside else ""
    return f"{bar}{ring}{draw_marker(across, up, shape, tip(point.tip))}{beside}"


def _bars(plot: Plot, series: Series, at: int, x: Axis, y: Axis) -> str:
    room = (x(1) - x(0)) * 0.8
    side_by_side = 1 if plot.stacked else len(plot.series)
    width = min(room / side_by_side, _WIDEST)
    foot = y.low if plot.y_log else max(0.0, y.low)
    parts = []
    for point in series.points:
        if not _fits(point, plot):
            continue
        place = 0 if plot.stacked else at
        left = x(point.x) + (place - side_by_side / 2) * width
        top, bottom = sorted((y(point.y), y(foot)))
        look = "column partial" if point.partial else "column"
        parts.append(
            f'<rect class="{look}" x="{left + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" '
            f'height="{max(bottom - top, 0.5):.1f}"{tip(point.tip)}/>'
        )
        middle = left + width / 2
        if math.isfinite(point.low + point.high):
            parts.append(line("error", middle, y(point.low), middle, y(point.high)))
            top = min(top, y(point.high))
        if width >= _VALUED_FROM and not (plot.stacked and point.partial):
            parts.append(text(middle, top - 4, short(float(f"{point.y:.3g}")), more=_VALUE))
    return "".join(parts)


_VALUE = ' class="value"'


def _levels(levels: Sequence[Level], x: Axis, y: Axis) -> str:
    parts, above = [], math.inf
    for level in sorted(levels, key=lambda one: one.y):
        up = y(level.y)
        # Names of lines that lie close are moved apart, upwards.
        above = min(up - 4, above - _APART)
        said = tip(level.tip or f"{level.name}: {level.y:.4f}")
        parts.append(
            f'<g class="level"{said}>{line("level", x.start, up, RIGHT, up)}'
            f"{text(RIGHT, above, level.name, 'end')}</g>"
        )
    return "".join(parts)

"""The axes of a plot as SVG: ticks, names, and the room that they take."""

import math
from collections.abc import Sequence
from itertools import pairwise

from dnaft.report.axes import Axis, short, spanned
from dnaft.report.charts import Plot, Point
from dnaft.report.marks import marks_of, shortened
from dnaft.report.svg_shapes import HEIGHT, LETTER, WIDTH, line, text

_RIGHT = WIDTH - 12
_TOP, _BOTTOM = 16, 44
_BESIDE = 30  # for the name of the upright axis and the space around it
_LONGEST = 24  # letters of a turned name, or of one beside a line
_RAISED = 0.75  # of a letter: the width of a warning
_LEAST_TURN = math.radians(28)
_LINE = 12.0  # between two turned names, across them


def lay_out(plot: Plot) -> tuple[Axis, Axis]:
    """Return the axes of a plot, from left to right and from below to above."""
    points = [point for series in plot.series for point in series.points]
    heights = [v for p in points for v in (p.y, p.low, p.high)] + [one.y for one in plot.levels]
    bottom = HEIGHT - _below(plot)
    if plot.diagonal:
        both = spanned([*heights, *(p.x for p in points)])
        y = Axis(*both, bottom, _TOP)
        return Axis(*both, _left(plot, y), _RIGHT), y
    up = spanned(heights, plot.y_log, zero=plot.form == "bars")
    y = Axis(*up, bottom, _TOP, plot.y_log)
    if plot.categories:
        across = (-0.6, len(plot.categories) - 0.4)
    else:
        across = spanned((p.x for p in points), plot.x_log)
    return Axis(*across, _left(plot, y), _right(plot), plot.x_log), y


def level_name(name: str) -> str:
    """Return the name of a line as it stands beside the plot."""
    return shortened(name, _LONGEST)


def _right(plot: Plot) -> float:
    """Return where the plot ends: left of the names of its lines."""
    names = [level_name(level.name) for level in plot.levels]
    room = max((len(name) + _RAISED * len(marks_of(name)) for name in names), default=-2.0)
    return _RIGHT - LETTER * (room + 2)


def _below(plot: Plot) -> float:
    """Return the room for what stands under the plot."""
    if not _turned(plot):
        return _BOTTOM
    fall = LETTER * math.sin(_turn(plot)) * min(max(map(len, plot.categories)), _LONGEST)
    return 26 + fall + (14 if plot.x_label else 0)


def _left(plot: Plot, y: Axis) -> float:
    """Return where the plot begins: right of the ticks' numbers, and of a first turned name."""
    left = _BESIDE + LETTER * max((len(short(tick)) for tick in _heights(plot, y)), default=0)
    if _turned(plot):
        first = plot.categories[0]
        letters = min(len(first), _LONGEST) + len(marks_of(first))
        reach = LETTER * math.cos(_turn(plot)) * letters + 8
        left = max(left, reach - 0.6 * (_right(plot) - left) / len(plot.categories))
    return left


def _turned(plot: Plot) -> bool:
    """Return whether names of places are turned, as two neighbours would touch."""
    room = _slot(plot) - LETTER
    widths = [LETTER * (len(name) + _RAISED * len(marks_of(name))) for name in plot.categories]
    return any(a + b > 2 * room for a, b in pairwise([*widths[:1], *widths, *widths[-1:]]))


def _turn(plot: Plot) -> float:
    """Return the angle of turned names, steeper where their places lie close."""
    return max(_LEAST_TURN, math.asin(min(1.0, _LINE / _slot(plot))))


def _slot(plot: Plot) -> float:
    """Return about how wide a place of the axis is."""
    return (_right(plot) - 2 * _BESIDE) / (len(plot.categories) + 0.2)


def _heights(plot: Plot, y: Axis) -> Sequence[float]:
    return [tick for tick in y.ticks() if not plot.whole or tick.is_integer()]


def fits(point: Point, plot: Plot) -> bool:
    """Return whether a point has a place in a plot."""
    values = [(point.x, plot.x_log), (point.y, plot.y_log)]
    return all(math.isfinite(value) and (value > 0 or not log) for value, log in values)


def draw_axes(plot: Plot, x: Axis, y: Axis) -> str:
    """Return ticks and names of both axes."""
    left, right, bottom = x.start, x.end, y.start
    parts = []
    for tick in _heights(plot, y):
        parts.append(line("grid", left, y(tick), right, y(tick)))
        parts.append(text(left - 7, y(tick) + 4, short(tick), "end"))
    for at, name in enumerate(plot.categories):
        if _turned(plot):
            angle = -math.degrees(_turn(plot))
            place = f' transform="rotate({angle:.0f} {x(at):.1f} {bottom + 14:.1f})"'
            parts.append(text(x(at) + 6, bottom + 14, shortened(name, _LONGEST), "end", place))
        else:
            parts.append(text(x(at), bottom + 16, name))
    if not plot.categories:
        for tick in plot.x_ticks or x.ticks():
            parts.append(line("tick", x(tick), bottom, x(tick), bottom + 4))
            parts.append(text(x(tick), bottom + 17, short(tick)))
    parts.append(line("base", left, bottom, right, bottom))
    if plot.x_label:
        parts.append(text((left + right) / 2, HEIGHT - 6, plot.x_label))
    middle = (_TOP + bottom) / 2
    turn = f' transform="rotate(-90 14 {middle:.1f})"'
    parts.append(text(14, middle, plot.y_label, more=turn))
    return "".join(parts)

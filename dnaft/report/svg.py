"""A plot as SVG, its colours left to the style sheet and its hiding to the script."""

import math
from collections.abc import Sequence
from html import escape

from dnaft.page import COLOURS
from dnaft.report.axes import Axis, short, spanned
from dnaft.report.charts import Level, Plot, Point, Series

WIDTH, HEIGHT = 540, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 44
_LETTER = 6.3  # its width, on average
_MARKERS = 4
_APART = 13  # between two texts, one above the other


def draw_plot(plot: Plot) -> str:
    """Return points, lines or bars over an axis."""
    longest = max(map(len, plot.categories), default=0)
    turned = longest * len(plot.categories) * _LETTER > WIDTH - _LEFT - _RIGHT
    bottom = HEIGHT - (_BOTTOM + 40 if turned else _BOTTOM)
    x, y = _axes(plot, bottom)
    parts = [_grid(plot, x, y, bottom, turned)]
    if plot.diagonal:
        parts.append(_line("diagonal", x(x.low), y(x.low), x(x.high), y(x.high)))
    if plot.front:
        parts.append(_front(plot, x, y))
    draw = _bars if plot.form == "bars" else _points
    for at, series in enumerate(plot.series):
        shapes = draw(plot, series, at, x, y)
        parts.append(group(series, shapes))
    parts.append(_levels(plot.levels, y))
    return frame(plot.title, "".join(parts))


def frame(title: str, content: str, width: float = WIDTH, height: float = HEIGHT) -> str:
    """Return the SVG element around shapes."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{content}</svg>"
    )


def group(series: Series, shapes: str) -> str:
    """Return the shapes of a series, which are coloured and hidden together."""
    return (
        f'<g class="series c{series.colour % COLOURS}" data-series="{escape(series.name)}" '
        f'data-of="{escape(series.of)}">{shapes}</g>'
    )


def text(x: float, y: float, content: str, anchor: str = "middle", more: str = "") -> str:
    """Return a text; `more` holds further attributes."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(content)}</text>'


def tip(content: str) -> str:
    """Return the attributes that make a shape speak."""
    return f' tabindex="0" data-tip="{escape(content)}"' if content else ""


def _axes(plot: Plot, bottom: float) -> tuple[Axis, Axis]:
    points = [point for series in plot.series for point in series.points]
    heights = [v for p in points for v in (p.y, p.low, p.high)] + [one.y for one in plot.levels]
    if plot.diagonal:
        both = spanned([*heights, *(p.x for p in points)])
        return Axis(*both, _LEFT, WIDTH - _RIGHT), Axis(*both, bottom, _TOP)
    if plot.categories:
        across = (-0.6, len(plot.categories) - 0.4)
    else:
        across = spanned((p.x for p in points), plot.x_log)
    up = spanned(heights, plot.y_log, zero=plot.form == "bars" and not plot.y_log)
    return (
        Axis(*across, _LEFT, WIDTH - _RIGHT, plot.x_log),
        Axis(*up, bottom, _TOP, plot.y_log),
    )


def _line(look: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{look}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _grid(plot: Plot, x: Axis, y: Axis, bottom: float, turned: bool) -> str:
    parts = []
    for tick in y.ticks():
        parts.append(_line("grid", _LEFT, y(tick), WIDTH - _RIGHT, y(tick)))
        parts.append(text(_LEFT - 7, y(tick) + 4, short(tick), "end"))
    if plot.categories:
        for at, name in enumerate(plot.categories):
            if turned:
                place = f' transform="rotate(-28 {x(at):.1f} {bottom + 14:.1f})"'
                shown = name if len(name) <= 24 else f"{name[:23]}…"
                parts.append(text(x(at) + 6, bottom + 14, shown, "end", place))
            else:
                parts.append(text(x(at), bottom + 16, name))
    else:
        for tick in plot.x_ticks or x.ticks():
            parts.append(_line("tick", x(tick), bottom, x(tick), bottom + 4))
            parts.append(text(x(tick), bottom + 17, short(tick)))
    parts.append(_line("base", _LEFT, bottom, WIDTH - _RIGHT, bottom))
    if plot.x_label:
        parts.append(text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 6, plot.x_label))
    middle = (_TOP + bottom) / 2
    turn = f' transform="rotate(-90 14 {middle:.1f})"'
    parts.append(text(14, middle, plot.y_label, more=turn))
    return "".join(parts)


def _front(plot: Plot, x: Axis, y: Axis) -> str:
    corners = []
    for at, (across, up) in enumerate(plot.front):
        if at:
            corners.append((x(across), y(plot.front[at - 1][1])))
        corners.append((x(across), y(up)))
    corners.append((WIDTH - _RIGHT, corners[-1][1]))
    return f'<polyline class="front" points="{_path(corners)}"/>'


def _path(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in places)


def _points(plot: Plot, series: Series, _at: int, x: Axis, y: Axis) -> str:
    shown = [p for p in series.points if _fits(p, plot)]
    parts = []
    if series.joined:
        places = _path([(x(p.x), y(p.y)) for p in shown])
        whole = "" if series.dotted else tip(series.name)
        parts.append(
            f'<polyline class="join dash{series.shape % _MARKERS}" points="{places}"{whole}/>'
        )
    if series.dotted:
        parts += [_dot(p, series.shape, x, y) for p in shown]
    return "".join(parts)


def _fits(point: Point, plot: Plot) -> bool:
    values = [(point.x, plot.x_log), (point.y, plot.y_log)]
    return all(math.isfinite(value) and (value > 0 or not log) for value, log in values)


def _dot(point: Point, shape: int, x: Axis, y: Axis) -> str:
    across, up = x(point.x), y(point.y)
    bar = ""
    if math.isfinite(point.low + point.high):
        bar = _line("error", across, y(point.low), across, y(point.high))
    ring = f'<circle class="ring" cx="{across:.1f}" cy="{up:.1f}" r="8"/>' if point.ringed else ""
    return f"{bar}{ring}{draw_marker(across, up, shape, tip(point.tip))}"


def draw_marker(x: float, y: float, shape: int, more: str = "") -> str:
    """Return the marker of a series; `more` holds further attributes."""
    kind, size = shape % _MARKERS, 5
    if kind == 0:
        return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{size}"{more}/>'
    corners = {
        1: [(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)],
        2: [(0, -6), (5.5, 4.5), (-5.5, 4.5)],
        3: [(0, -6.5), (6.5, 0), (0, 6.5), (-6.5, 0)],
    }[kind]
    return f'<polygon class="dot" points="{_path([(x + a, y + b) for a, b in corners])}"{more}/>'


def _bars(plot: Plot, series: Series, at: int, x: Axis, y: Axis) -> str:
    room = (x(1) - x(0)) * 0.8
    side_by_side = 1 if plot.stacked else len(plot.series)
    width = min(room / side_by_side, 46)
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
        if math.isfinite(point.low + point.high):
            middle = left + width / 2
            parts.append(_line("error", middle, y(point.low), middle, y(point.high)))
    return "".join(parts)


def _levels(levels: Sequence[Level], y: Axis) -> str:
    parts, above = [], math.inf
    for level in sorted(levels, key=lambda one: one.y):
        up = y(level.y)
        # Names of lines that lie close are moved apart, upwards.
        above = min(up - 4, above - _APART)
        said = tip(f"{level.name}: {level.y:.4f}")
        parts.append(
            f'<g class="level"{said}>{_line("level", _LEFT, up, WIDTH - _RIGHT, up)}'
            f"{text(WIDTH - _RIGHT, above, level.name, 'end')}</g>"
        )
    return "".join(parts)

"""The axes of a plot as SVG: ticks, names, and the room that they take."""

from collections.abc import Sequence

from dnaft.report.axes import Axis, short, spanned
from dnaft.report.charts import Plot
from dnaft.report.marks import marks_of, shortened
from dnaft.report.svg_shapes import HEIGHT, LETTER, WIDTH, line, text

RIGHT = WIDTH - 12
_TOP, _BOTTOM = 16, 44
_BESIDE = 30  # for the name of the upright axis and the space around it
_LONGEST = 24  # letters of a turned name
# Cosine and sine of the angle of turned names, 28 degrees.
_LEANING, _FALLING = 0.88, 0.47


def lay_out(plot: Plot) -> tuple[Axis, Axis]:
    """Return the axes of a plot, from left to right and from below to above."""
    points = [point for series in plot.series for point in series.points]
    heights = [v for p in points for v in (p.y, p.low, p.high)] + [one.y for one in plot.levels]
    bottom = HEIGHT - _below(plot)
    if plot.diagonal:
        both = spanned([*heights, *(p.x for p in points)])
        y = Axis(*both, bottom, _TOP)
        return Axis(*both, _left(plot, y), RIGHT), y
    up = spanned(heights, plot.y_log, zero=plot.form == "bars" and not plot.y_log)
    y = Axis(*up, bottom, _TOP, plot.y_log)
    if plot.categories:
        across = (-0.6, len(plot.categories) - 0.4)
    else:
        across = spanned((p.x for p in points), plot.x_log)
    return Axis(*across, _left(plot, y), RIGHT, plot.x_log), y


def _below(plot: Plot) -> float:
    """Return the room for what stands under the plot."""
    if not _turned(plot):
        return _BOTTOM
    fall = LETTER * _FALLING * min(max(map(len, plot.categories)), _LONGEST)
    return 26 + fall + (14 if plot.x_label else 0)


def _left(plot: Plot, y: Axis) -> float:
    """Return where the plot begins: right of the ticks' numbers, and of a first turned name."""
    left = _BESIDE + LETTER * max((len(short(tick)) for tick in _heights(plot, y)), default=0)
    if _turned(plot):
        first = plot.categories[0]
        reach = LETTER * _LEANING * (min(len(first), _LONGEST) + len(marks_of(first))) + 8
        left = max(left, reach - 0.6 * (RIGHT - left) / len(plot.categories))
    return left


def _turned(plot: Plot) -> bool:
    longest = max(map(len, plot.categories), default=0)
    return longest * len(plot.categories) * LETTER > RIGHT - 2 * _BESIDE


def _heights(plot: Plot, y: Axis) -> Sequence[float]:
    return [tick for tick in y.ticks() if not plot.whole or tick.is_integer()]


def draw_axes(plot: Plot, x: Axis, y: Axis) -> str:
    """Return ticks and names of both axes."""
    left, bottom = x.start, y.start
    parts = []
    for tick in _heights(plot, y):
        parts.append(line("grid", left, y(tick), RIGHT, y(tick)))
        parts.append(text(left - 7, y(tick) + 4, short(tick), "end"))
    for at, name in enumerate(plot.categories):
        if _turned(plot):
            place = f' transform="rotate(-28 {x(at):.1f} {bottom + 14:.1f})"'
            parts.append(text(x(at) + 6, bottom + 14, shortened(name, _LONGEST), "end", place))
        else:
            parts.append(text(x(at), bottom + 16, name))
    if not plot.categories:
        for tick in plot.x_ticks or x.ticks():
            parts.append(line("tick", x(tick), bottom, x(tick), bottom + 4))
            parts.append(text(x(tick), bottom + 17, short(tick)))
    parts.append(line("base", left, bottom, RIGHT, bottom))
    if plot.x_label:
        parts.append(text((left + RIGHT) / 2, HEIGHT - 6, plot.x_label))
    middle = (_TOP + bottom) / 2
    turn = f' transform="rotate(-90 14 {middle:.1f})"'
    parts.append(text(14, middle, plot.y_label, more=turn))
    return "".join(parts)

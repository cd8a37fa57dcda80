"""Rows of bars, radars, heat maps and mean ranks as SVG."""

import math
from collections.abc import Sequence

from dnaft.report.axes import Axis, short, spanned
from dnaft.report.charts import Chart, Heat, Places, Plot, Radar, Rows
from dnaft.report.contrast import inks_at
from dnaft.report.marks import Marked, marks_of, shortened
from dnaft.report.svg import draw_plot
from dnaft.report.svg_shapes import LETTER, WIDTH, draw_marker, frame, group, line, path, text, tip

_LONGEST = 46  # letters of a row's name
_ROW = 19.0
_LONGEST_PLACE = 30  # letters of a name beside a line of ranks
_NUMERAL = 3 * LETTER  # two digits and the space between ranks


def draw(chart: Chart) -> str:
    """Return a chart of any kind."""
    if isinstance(chart, Plot):
        return draw_plot(chart)
    if isinstance(chart, Rows):
        return _rows(chart)
    if isinstance(chart, Radar):
        return _radar(chart)
    return _heat(chart) if isinstance(chart, Heat) else _places(chart)


def _rows(chart: Rows) -> str:
    names = [shortened(name, _LONGEST) for name in chart.names]
    left = 14 + LETTER * max(len(name) + len(marks_of(name)) for name in names)
    values = [point.y for series in chart.series for point in series.points]
    # Room for the value behind the longest bar.
    x = Axis(0.0, max(values), left, WIDTH - 50)
    bottom = _ROW * len(names) + 8
    parts = []
    for tick in x.ticks():
        parts.append(line("grid", x(tick), 4, x(tick), bottom))
        parts.append(text(x(tick), bottom + 15, short(tick)))
    for at, name in enumerate(names):
        parts.append(text(left - 8, _ROW * (at + 0.5) + 8, name, "end"))
    for series in chart.series:
        shapes = ""
        for point in series.points:
            top, long = 5 + _ROW * point.x, max(x(point.y) - left, 0.5)
            shapes += (
                f'<rect class="column" x="{left:.1f}" y="{top + 2:.1f}" width="{long:.1f}" '
                f'height="{_ROW - 5}"{tip(point.tip)}/>'
            )
            value = short(float(f"{point.y:.3g}"))
            shapes += text(left + long + 5, top + 13, value, "start", ' class="value"')
        parts.append(group(series, shapes))
    parts.append(line("base", left, 4, left, bottom))
    parts.append(text((left + WIDTH) / 2, bottom + 32, chart.x_label))
    return frame(chart.title, "".join(parts), height=bottom + 40)


def _radar(chart: Radar) -> str:
    middle, high_up, reach, height = WIDTH / 2, 190.0, 150.0, 380.0
    values = [point.y for series in chart.series for point in series.points]
    scale = Axis(*spanned(values, zero=True), 0.0, reach)

    def place(at: float, value: float) -> tuple[float, float]:
        angle = 2 * math.pi * at / len(chart.axes) - math.pi / 2
        out = scale(value)
        return middle + out * math.cos(angle), high_up + out * math.sin(angle)

    parts = []
    for tick in scale.ticks():
        around = " ".join("{:.1f},{:.1f}".format(*place(at, tick)) for at in range(len(chart.axes)))
        parts.append(f'<polygon class="web" points="{around}"/>')
        parts.append(text(middle + 4, place(0, tick)[1] - 2, short(tick), "start"))
    for at, name in enumerate(chart.axes):
        x, y = place(at, scale.high)
        parts.append(
            f'<line class="grid" x1="{middle:g}" y1="{high_up:g}" x2="{x:.1f}" y2="{y:.1f}"/>'
        )
        side = x - middle
        anchor = "middle" if abs(side) < 8 else ("start" if side > 0 else "end")
        above = 4 + 12 * (y - high_up) / reach
        parts.append(text(x + 0.05 * side, y + above, name, anchor))
    for series in chart.series:
        shown = [point for point in series.points if math.isfinite(point.y)]
        corners = [place(point.x, point.y) for point in shown]
        dots = "".join(
            draw_marker(x, y, series.shape, tip(point.tip))
            for (x, y), point in zip(corners, shown, strict=True)
        )
        parts.append(group(series, f'<polygon class="area" points="{path(corners)}"/>{dots}'))
    return frame(chart.title, "".join(parts), height=height)


def _heat(chart: Heat) -> str:
    longest = max(len(name) for name in chart.rows)
    left = min(250.0, 24.0 + 6.4 * longest)
    wide = min(64.0, (WIDTH - left - 10) / len(chart.columns))
    high = min(38.0, wide)
    foot = high * len(chart.rows) + 10
    many = max(map(len, chart.columns)) * 6.2 > wide
    parts = []
    for at, name in enumerate(chart.rows):
        parts.append(text(left - 8, 10 + high * (at + 0.5) + 4, shortened(name, 38), "end"))
        for across, column in enumerate(chart.columns):
            value = chart.values[at][across]
            if math.isnan(value):
                continue
            share = min(max((value - chart.low) / ((chart.high - chart.low) or 1), 0), 1)
            said = tip(f"{name}, {column}\n{chart.y_label}: {format(value, chart.form)}")
            x, y = left + wide * across, 10 + high * at
            opacity = round(0.06 + 0.94 * share, 3)
            parts.append(
                f'<rect class="heat" x="{x:.1f}" y="{y:.1f}" width="{wide - 1:.1f}" '
                f'height="{high - 1:.1f}" fill-opacity="{opacity:.3f}"{said}/>'
            )
            look = f' class="{inks_at(opacity)}"'
            shown = format(value, chart.form)
            if wide > 7 * len(shown):
                parts.append(text(x + wide / 2, y + high / 2 + 4, shown, more=look))
    for across, column in enumerate(chart.columns):
        x = left + wide * (across + 0.5)
        turn = f' transform="rotate(-40 {x:.1f} {foot + 12:.1f})"' if many else ""
        parts.append(text(x, foot + 12, shortened(column, 30), "end" if many else "middle", turn))
    room = 14 + 4.2 * min(30, max(map(len, chart.columns))) if many else 22
    return frame(chart.title, "".join(parts), height=foot + room)


def _places(chart: Places) -> str:
    count = len(chart.names)
    names = [shortened(name, _LONGEST_PLACE) for name in chart.names]
    half = (count + 1) // 2
    left, right = _room(names[:half]), WIDTH - _room(names[half:])
    axis = Axis(1.0, float(count), left + 10, right - 10)
    top, step = 64.0 + 9 * len(chart.cliques), 22.0
    parts = [
        f'<line class="base" x1="{axis.start}" y1="50" x2="{axis.end}" y2="50"/>',
        f'<line class="clique" x1="{axis(1):.1f}" y1="20" '
        f'x2="{_within(axis, chart):.1f}" y2="20"/>',
        text(axis(1), 13, f"critical difference {chart.critical:.2f}", "start"),
    ]
    apart = max(1, math.ceil(_NUMERAL / (axis(2) - axis(1))))
    for tick in range(1, count + 1):
        parts.append(line("base", axis(tick), 45, axis(tick), 50))
        if (tick - 1) % apart == 0:
            parts.append(text(axis(tick), 40, str(tick)))
    for at, (name, rank) in enumerate(zip(names, chart.ranks, strict=True)):
        on_left = at < half
        row = at if on_left else count - 1 - at
        y, edge = top + step * row, left if on_left else right
        x = axis(rank)
        parts.append(
            f'<polyline class="stem" points="{x:.1f},50 {x:.1f},{y:.1f} {edge:g},{y:.1f}"/>'
        )
        # The rank before the name, so that warnings stand behind the name.
        shown = Marked(f"{rank:.2f}  {name}", marks_of(name))
        place = edge - 6 if on_left else edge + 6
        parts.append(text(place, y + 4, shown, "end" if on_left else "start"))
    for at, (first, last) in enumerate(chart.cliques):
        up = 58 + 9 * at
        x1, x2 = axis(chart.ranks[first]) - 4, axis(chart.ranks[last]) + 4
        parts.append(f'<line class="clique" x1="{x1:.1f}" y1="{up}" x2="{x2:.1f}" y2="{up}"/>')
    return frame(chart.title, "".join(parts), height=top + step * half)


def _room(names: Sequence[str]) -> float:
    """Return the width of ranks with their names."""
    return 45 + LETTER * max(len(name) + 0.7 * len(marks_of(name)) for name in names)


def _within(axis: Axis, chart: Places) -> float:
    return min(axis(1 + chart.critical), WIDTH - 8)

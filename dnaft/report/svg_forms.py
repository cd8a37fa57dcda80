"""Rows of bars, radars, heat maps and mean ranks as SVG."""

import math

from dnaft.report.axes import Axis, short, spanned
from dnaft.report.charts import Chart, Heat, Places, Plot, Point, Radar, Rows
from dnaft.report.contrast import inks_at
from dnaft.report.marks import marks_of, shortened
from dnaft.report.place_layout import FOOT, lay_out_places
from dnaft.report.svg import draw_plot
from dnaft.report.svg_shapes import LETTER, WIDTH, draw_marker, frame, group, line, path, text, tip

_LONGEST = 46  # letters of a row's name
_ROW = 19.0
MANY_ROWS = 20  # from which the axis stands above the rows, too


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
    top = 34.0 if len(names) >= MANY_ROWS else 0.0
    bottom = top + _ROW * len(names) + 8
    parts = [_row_ticks(x, top, bottom)]
    for at, name in enumerate(names):
        parts.append(text(left - 8, top + _ROW * (at + 0.5) + 8, name, "end"))
    for series in chart.series:
        shapes = "".join(_row(point, x, top) for point in series.points)
        parts.append(group(series, shapes))
    parts.append(line("base", left, top + 4, left, bottom))
    middle = (left + WIDTH) / 2
    parts.append(text(middle, bottom + 32, chart.x_label))
    if top:
        parts.append(text(middle, 12, chart.x_label))
    return frame(chart.title, "".join(parts), height=bottom + 40)


def _row_ticks(x: Axis, top: float, bottom: float) -> str:
    """Return the ticks under rows, and those above where the rows begin lower."""
    parts = []
    for tick in x.ticks():
        parts.append(line("grid", x(tick), top + 4, x(tick), bottom))
        parts.append(text(x(tick), bottom + 15, short(tick)))
        if top:
            parts.append(text(x(tick), top - 3, short(tick)))
    return "".join(parts)


def _row(point: Point, x: Axis, top: float) -> str:
    """Return a bar with its value."""
    up, long = top + 5 + _ROW * point.x, max(x(point.y) - x.start, 0.5)
    bar = (
        f'<rect class="column" x="{x.start:.1f}" y="{up + 2:.1f}" width="{long:.1f}" '
        f'height="{_ROW - 5}"{tip(point.tip)}/>'
    )
    value = short(float(f"{point.y:.3g}"))
    return bar + text(x.start + long + 5, up + 13, value, "start", ' class="value"')


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
    layout = lay_out_places(chart)
    axis, (start, end) = layout.axis, layout.critical
    parts = [
        f'<line class="base" x1="{axis.start}" y1="{FOOT:g}" x2="{axis.end}" y2="{FOOT:g}"/>',
        line("clique", start, 20, end, 20),
        text(start, 13, f"critical difference {chart.critical:.2f}", "start"),
    ]
    for tick, named in layout.ticks:
        parts.append(line("base", axis(tick), FOOT - 5, axis(tick), FOOT))
        if named:
            parts.append(text(axis(tick), FOOT - 10, str(tick)))
    for stem in layout.stems:
        corners = [(stem.x, FOOT), (stem.x, stem.y), (stem.edge, stem.y)]
        parts.append(f'<polyline class="stem" points="{path(corners)}"/>')
        place = stem.edge - 6 if stem.left else stem.edge + 6
        parts.append(text(place, stem.y + 4, stem.said, "end" if stem.left else "start"))
    parts += [line("clique", first, up, last, up) for first, last, up in layout.cliques]
    return frame(chart.title, "".join(parts), height=layout.height)

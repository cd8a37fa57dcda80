"""The charts as PNG and SVG files, drawn by matplotlib."""

import math
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas

from dnaft.report.axes import short
from dnaft.report.charts import Chart, Figure, Heat, Places, Radar, Rows, warnings
from dnaft.report.contrast import ink_on
from dnaft.report.image_looks import closed_line_of, colour_of, face_of, marker_of, printed
from dnaft.report.image_plots import add_key, draw_plot
from dnaft.report.marks import explain, shortened
from dnaft.report.place_layout import FOOT, lay_out_places
from dnaft.report.svg_forms import MANY_ROWS
from dnaft.report.svg_shapes import WIDTH

_PNG_DPI = 160
_WIDTH, _HEIGHT, _ROW = 6.4, 4.0, 0.22  # inches
_LONGEST = 60  # letters of a row's name
_CAPTION = 120  # letters of a line
_POINTS = 72  # an inch
_ABOVE_TICKS = 22  # points, of a title over numbers
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
    """Return a chart, drawn; what the warnings in it mean stands below."""
    canvas = Canvas(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    if isinstance(chart, Radar):
        _radar(chart, canvas)
    elif isinstance(chart, Heat):
        _heat(chart, canvas)
    elif isinstance(chart, Places):
        _places(chart, canvas)
    elif isinstance(chart, Rows):
        _rows(chart, canvas)
    else:
        draw_plot(chart, canvas)
    meanings = "; ".join(explain(warnings(chart)))
    if meanings:
        lines = textwrap.wrap(f"Warnings: {meanings}.", _CAPTION)
        canvas.supxlabel("\n".join(lines), x=0.02, ha="left", fontsize=6, color="0.3")
    return canvas


def _rows(rows: Rows, canvas: Canvas) -> None:
    canvas.set_size_inches(_WIDTH + 1.6, 1.2 + _ROW * len(rows.names))
    axes = canvas.add_subplot()
    for series in rows.series:
        places, values = zip(*((point.x, point.y) for point in series.points), strict=True)
        look = {"color": face_of(series), "edgecolor": colour_of(series)}
        bars = axes.barh(places, values, 0.75, label=printed(series.name), **look)
        axes.bar_label(bars, [short(float(f"{v:.3g}")) for v in values], padding=3, fontsize=7)
    names = [printed(shortened(name, _LONGEST)) for name in rows.names]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.set(title=printed(rows.title), xlabel=rows.x_label)
    if len(names) >= MANY_ROWS:
        axes.tick_params(top=True, labeltop=True)
        axes.set_title(printed(rows.title), pad=_ABOVE_TICKS)


def _radar(radar: Radar, canvas: Canvas) -> None:
    axes = canvas.add_subplot(projection="polar")
    axes.set_theta_offset(math.pi / 2)  # type: ignore[attr-defined]
    axes.set_theta_direction(-1)  # type: ignore[attr-defined]
    step = 2 * math.pi / len(radar.axes)
    for series in radar.series:
        shown = [point for point in series.points if math.isfinite(point.y)]
        closed = [*shown, *shown[:1]]
        angles, values = [point.x * step for point in closed], [point.y for point in closed]
        look: dict[str, Any] = {"color": colour_of(series), "label": printed(series.name)}
        look |= {"marker": marker_of(series), "markerfacecolor": face_of(series), "markersize": 4}
        axes.plot(angles, values, linestyle=closed_line_of(series), **look)
        if closed_line_of(series) == "-":
            axes.fill(angles, values, color=colour_of(series), alpha=0.03)
    axes.set_xticks([at * step for at in range(len(radar.axes))], radar.axes)
    axes.set_title(printed(radar.title))
    add_key(canvas, len(radar.series))


def _heat(heat: Heat, canvas: Canvas) -> None:
    axes = canvas.add_subplot()
    image = axes.imshow(
        np.array(heat.values), cmap="Blues", vmin=heat.low, vmax=heat.high, aspect="auto"
    )
    columns, rows = ([printed(name) for name in names] for names in (heat.columns, heat.rows))
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    cells = image.to_rgba(np.array(heat.values))
    for row, values in enumerate(heat.values):
        for column, value in enumerate(values):
            if not math.isnan(value):
                look: dict[str, Any] = {"color": ink_on(cells[row, column]), "fontsize": 7}
                axes.text(column, row, format(value, heat.form), ha="center", va="center", **look)
    axes.set_title(printed(heat.title))
    canvas.colorbar(image, label=heat.y_label)


def _places(places: Places, canvas: Canvas) -> None:
    """Draw mean ranks where the page has them, a point of paper for each of its pixels."""
    layout = lay_out_places(places)
    canvas.set_size_inches(WIDTH / _POINTS + 0.2, layout.height / _POINTS + 0.6)
    axes = canvas.add_subplot()
    axes.set(title=printed(places.title), xlim=(0, WIDTH), ylim=(layout.height, 0))
    axes.set_axis_off()
    thin: dict[str, Any] = {"color": "0.5", "linewidth": 0.8}
    thick: dict[str, Any] = {"color": "0.1", "linewidth": 3, "solid_capstyle": "round"}
    axes.plot([layout.axis.start, layout.axis.end], [FOOT, FOOT], **thin)
    axes.plot(layout.critical, [20, 20], **thick)
    axes.text(layout.critical[0], 14, f"critical difference {places.critical:.2f}", va="bottom")
    for tick, named in layout.ticks:
        axes.plot([layout.axis(tick)] * 2, [FOOT - 5, FOOT], **thin)
        if named:
            axes.text(layout.axis(tick), FOOT - 8, str(tick), ha="center", va="bottom")
    for stem in layout.stems:
        axes.plot([stem.x, stem.x, stem.edge], [FOOT, stem.y, stem.y], **thin)
        place, side = (stem.edge - 6, "right") if stem.left else (stem.edge + 6, "left")
        axes.text(place, stem.y, printed(stem.said), ha=side, va="center")
    for first, last, up in layout.cliques:
        axes.plot([first, last], [up, up], **thick)

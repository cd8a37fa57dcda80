"""The bars of a plot as SVG: side by side, with whiskers and values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dnaft.report.axes import Axis, short
from dnaft.report.bar_places import bar_places
from dnaft.report.charts import Plot, Point
from dnaft.report.svg_axes import fits
from dnaft.report.svg_shapes import line, text, tip

VALUE = ' class="value"'
_WIDEST = 46  # bar
_VALUED_FROM = 32  # wide bars say their value


@dataclass(frozen=True)
class Bar:
    """A bar on paper.

    Attributes:
        point: What it shows.
        left: Its edge.
        width: With the space to its neighbours.
        top: Place of its value.
    """

    point: Point
    left: float
    width: float
    top: float

    @property
    def middle(self) -> float:
        """Place of its middle."""
        return self.left + self.width / 2

    @property
    def whiskered(self) -> bool:
        """Whether it has an error bar."""
        return math.isfinite(self.point.low + self.point.high)


def place_bars(plot: Plot, x: Axis, y: Axis) -> list[list[Bar]]:
    """Return the bars of each series of a plot."""
    most, offsets = bar_places(plot)
    width = min((x(1) - x(0)) * 0.8 / most, _WIDEST)
    return [
        [
            Bar(point, x(point.x) + (offsets[at, point.x] - 0.5) * width, width, y(point.y))
            for point in series.points
            if fits(point, plot)
        ]
        for at, series in enumerate(plot.series)
    ]


def draw_bars(bars: Sequence[Bar], y: Axis) -> str:
    """Return the bars of a series with their whiskers."""
    foot = y.low if y.log else max(0.0, y.low)
    parts = []
    for bar in bars:
        top, bottom = sorted((bar.top, y(foot)))
        look = "column partial" if bar.point.partial else "column"
        parts.append(
            f'<rect class="{look}" x="{bar.left + 1:.1f}" y="{top:.1f}" '
            f'width="{bar.width - 2:.1f}" height="{max(bottom - top, 0.5):.1f}"'
            f"{tip(bar.point.tip)}/>"
        )
        if bar.whiskered:
            parts.append(line("error", bar.middle, y(bar.point.low), bar.middle, y(bar.point.high)))
    return "".join(parts)


def draw_values(plot: Plot, bars: Sequence[Bar], y: Axis) -> str:
    """Return the values above the bars of a series, those of wide ones."""
    foot = y(y.low if y.log else max(0.0, y.low))
    parts = []
    for bar in bars:
        if bar.width < _VALUED_FROM or (plot.stacked and bar.point.partial):
            continue
        top = min(bar.top, foot, y(bar.point.high) if bar.whiskered else math.inf)
        parts.append(text(bar.middle, top - 4, short(float(f"{bar.point.y:.3g}")), more=VALUE))
    return "".join(parts)

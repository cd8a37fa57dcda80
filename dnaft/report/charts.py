"""What a chart shows, whoever draws it: as SVG in the page or by matplotlib.

Names of series, categories, rows and columns, and titles, may be `Marked`: whoever draws them puts
the warnings behind them.
"""

import math
from dataclasses import dataclass
from typing import Literal

from dnaft.report.marks import marks_of


@dataclass(frozen=True)
class Point:
    """One value.

    Attributes:
        x: Along the axis, or the place of a category, from 0.
        y: The value.
        tip: What is said of it, one fact a line.
        low: Lower end of its error bar; nan without one.
        high: Upper end.
        ringed: Whether dev chose it.
        partial: Whether it is a mean over fewer tasks than its neighbours.
        beside: What is written beside it.
    """

    x: float
    y: float
    tip: str = ""
    low: float = math.nan
    high: float = math.nan
    ringed: bool = False
    partial: bool = False
    beside: str = ""


@dataclass(frozen=True)
class Series:
    """Values of one name, which can be hidden together.

    Attributes:
        name: In the key.
        points: From left to right.
        of: The model or the like that also tells it from others; a key of its own hides by it.
        colour: Number of its colour, from 0; the second ten have the colours of the first, hollow.
        shape: Number of its marker, from 0.
        joined: Whether a line joins the points.
        dotted: Whether each point has a marker.
        trivial: Whether it is a trivial baseline, which has the colour of text.
    """

    name: str
    points: tuple[Point, ...]
    of: str = ""
    colour: int = 0
    shape: int = 0
    joined: bool = False
    dotted: bool = True
    trivial: bool = False


@dataclass(frozen=True)
class Level:
    """A horizontal line: what a trivial baseline scores.

    Attributes:
        name: Of the baseline.
        y: The value.
        tip: What is said of it; name and value if empty.
    """

    name: str
    y: float
    tip: str = ""


@dataclass(frozen=True)
class Plot:
    """Series over one axis, as points, lines or bars.

    Attributes:
        title: Also what distinguishes it from the others of its figure.
        x_label: Under the axis.
        y_label: Beside the axis.
        series: What is drawn.
        levels: Trivial baselines.
        categories: Names of the places 0, 1, ... on the axis; numbers if empty.
        x_log: Whether the axis is logarithmic; likewise `y_log`.
        front: The Pareto front, from left to right.
        form: Points and lines, or bars side by side in each category.
        stacked: Whether bars of a category stand in one place, one over the other.
        x_ticks: Where the axis has ticks; chosen if empty.
        diagonal: Whether equal x and y are marked, and both axes have one scale.
        whole: Whether the heights count something.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    levels: tuple[Level, ...] = ()
    categories: tuple[str, ...] = ()
    x_log: bool = False
    y_log: bool = False
    front: tuple[tuple[float, float], ...] = ()
    form: Literal["points", "bars"] = "points"
    stacked: bool = False
    x_ticks: tuple[float, ...] = ()
    diagonal: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Rows:
    """Bars from left to right, one under the other, for names that are long.

    Attributes:
        title: What distinguishes it from the others of its figure.
        x_label: What the values are.
        names: Of the rows, the first above.
        series: What is drawn; a point's x is the place of its row, from 0, its y the value.
    """

    title: str
    x_label: str
    names: tuple[str, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Radar:
    """Series over axes from one centre; the points' x are places of axes.

    Attributes:
        title: What distinguishes it from the others of its figure.
        axes: Names.
        series: What is drawn.
    """

    title: str
    axes: tuple[str, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Heat:
    """Numbers in rows and columns.

    Attributes:
        title: What distinguishes it from the others of its figure.
        rows: Names.
        columns: Names.
        values: By row and column; nan where there is none.
        form: How a value is written.
        y_label: Name of the value.
        low: The value of the palest colour.
        high: The value of the fullest.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    form: str
    y_label: str
    low: float
    high: float


@dataclass(frozen=True)
class Places:
    """Mean ranks on a line, and which of them do not differ (Demšar 2006).

    Attributes:
        title: What distinguishes it from the others of its figure.
        names: The best first.
        ranks: Their mean ranks.
        critical: The critical difference.
        cliques: First and last place of methods that do not differ.
    """

    title: str
    names: tuple[str, ...]
    ranks: tuple[float, ...]
    critical: float
    cliques: tuple[tuple[int, int], ...]


Chart = Plot | Rows | Radar | Heat | Places


@dataclass(frozen=True)
class Figure:
    """Charts of one kind, of which a reader looks at one at a time.

    Attributes:
        key: Name of its files.
        title: Heading.
        note: What it shows and how its numbers were chosen.
        charts: One for each task, model or the like.
        choice: What they are one for each of.
    """

    key: str
    title: str
    note: str
    charts: tuple[Chart, ...]
    choice: str = "task"


def warnings(chart: Chart) -> frozenset[str]:
    """Return the letters behind the names in a chart."""
    names: list[str] = [chart.title]
    if isinstance(chart, Plot):
        names += [chart.x_label, chart.y_label, *chart.categories]
        names += [level.name for level in chart.levels]
    if isinstance(chart, Plot | Rows | Radar):
        names += [series.name for series in chart.series]
    if isinstance(chart, Heat):
        names += [*chart.rows, *chart.columns]
    if isinstance(chart, Rows | Places):
        names += chart.names
    return marks_of(*names)

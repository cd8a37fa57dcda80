"""Where names, stems and bars of mean ranks lie, whoever draws them (Demšar 2006)."""

import math
from dataclasses import dataclass

from dnaft.report.axes import Axis
from dnaft.report.charts import Places
from dnaft.report.marks import Marked, marks_of, shortened
from dnaft.report.svg_shapes import LETTER, WIDTH

FOOT = 50.0  # of the line of ranks, from above
_LONGEST = 30  # letters of a name
_NUMERAL = 3 * LETTER  # two digits and the space between ranks
_STEP, _CLIQUE = 22.0, 9.0


@dataclass(frozen=True)
class Stem:
    """A method: a line from its rank down and to one side, where its name stands.

    Attributes:
        x: Place of its rank.
        y: Height of its name.
        edge: Where the line ends.
        left: Whether the name stands left of it.
        said: Rank and name; the rank first, so that warnings stand behind the name.
    """

    x: float
    y: float
    edge: float
    left: bool
    said: Marked


@dataclass(frozen=True)
class PlaceLayout:
    """Mean ranks on paper, all places from the upper left.

    Attributes:
        height: Of all; the width is that of every chart.
        axis: Of ranks.
        ticks: Ranks with a tick, and whether it has a numeral.
        stems: Of the methods.
        critical: Ends of the critical difference.
        cliques: Ends and height of each bar.
    """

    height: float
    axis: Axis
    ticks: tuple[tuple[int, bool], ...]
    stems: tuple[Stem, ...]
    critical: tuple[float, float]
    cliques: tuple[tuple[float, float, float], ...]


def lay_out_places(chart: Places) -> PlaceLayout:
    """Return where all lies: the better half of the names to the left, the others to the right."""
    count = len(chart.names)
    names = [shortened(name, _LONGEST) for name in chart.names]
    half = (count + 1) // 2
    left, right = _room(names[:half]), WIDTH - _room(names[half:])
    axis = Axis(1.0, float(count), left + 10, right - 10)
    top = FOOT + 14 + _CLIQUE * len(chart.cliques)
    stems = []
    for at, (name, rank) in enumerate(zip(names, chart.ranks, strict=True)):
        on_left = at < half
        row = at if on_left else count - 1 - at
        said = Marked(f"{rank:.2f}  {name}", marks_of(name))
        edge = left if on_left else right
        stems.append(Stem(axis(rank), top + _STEP * row, edge, on_left, said))
    apart = max(1, math.ceil(_NUMERAL / (axis(2) - axis(1))))
    return PlaceLayout(
        top + _STEP * half,
        axis,
        tuple((tick, (tick - 1) % apart == 0) for tick in range(1, count + 1)),
        tuple(stems),
        (axis(1), min(axis(1 + chart.critical), WIDTH - 8)),
        tuple(
            (axis(chart.ranks[a]) - 4, axis(chart.ranks[b]) + 4, FOOT + 8 + _CLIQUE * at)
            for at, (a, b) in enumerate(chart.cliques)
        ),
    )


def _room(names: list[str]) -> float:
    """Return the width of ranks with their names."""
    return 45 + LETTER * max(len(name) + 0.7 * len(marks_of(name)) for name in names)

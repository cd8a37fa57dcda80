"""What SVG charts are made of; colours are left to the style sheet, hiding to the script."""

from collections.abc import Sequence
from html import escape

from dnaft.page import COLOURS
from dnaft.report.charts import Series
from dnaft.report.marks import letters, marks_of
from dnaft.report.palette import fill_of

WIDTH, HEIGHT = 540, 330
LETTER = 6.3  # its width, on average
MARKERS = 4


def frame(title: str, content: str, width: float = WIDTH, height: float = HEIGHT) -> str:
    """Return the SVG element around shapes."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{content}</svg>"
    )


def look_of(series: Series) -> str:
    """Return the classes of the style sheet that give a series its colour and fill."""
    if series.trivial:
        return "trivial"
    return f"c{series.colour % COLOURS} {fill_of(series.colour)}".strip()


def group(series: Series, shapes: str) -> str:
    """Return the shapes of a series, which are coloured and hidden together."""
    return (
        f'<g class="series {look_of(series)}" data-series="{escape(series.name)}" '
        f'data-of="{escape(series.of)}">{shapes}</g>'
    )


def text(x: float, y: float, content: str, anchor: str = "middle", more: str = "") -> str:
    """Return a text, its warnings raised behind it; `more` holds further attributes."""
    marks = marks_of(content)
    raised = f'<tspan class="mark" dy="-4">{letters(marks)}</tspan>' if marks else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(content)}{raised}'
        "</text>"
    )


def tip(content: str) -> str:
    """Return the attributes that make a shape speak."""
    return f' tabindex="0" data-tip="{escape(content)}"' if content else ""


def line(look: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """Return a line of a class of the style sheet."""
    return f'<line class="{look}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def path(places: Sequence[tuple[float, float]]) -> str:
    """Return places as an attribute has them."""
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in places)


def draw_marker(x: float, y: float, shape: int, more: str = "") -> str:
    """Return the marker of a series; `more` holds further attributes."""
    kind, size = shape % MARKERS, 5
    if kind == 0:
        return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{size}"{more}/>'
    corners = {
        1: [(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)],
        2: [(0, -6), (5.5, 4.5), (-5.5, 4.5)],
        3: [(0, -6.5), (6.5, 0), (0, 6.5), (-6.5, 0)],
    }[kind]
    return f'<polygon class="dot" points="{path([(x + a, y + b) for a, b in corners])}"{more}/>'

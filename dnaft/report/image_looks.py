"""Colours, fills, marks, lines and names as matplotlib has them."""

from typing import Any

from dnaft.report.charts import Point, Series
from dnaft.report.marks import letters, marks_of
from dnaft.report.palette import HALF, HOLLOW, fill_of

_COLOURS = (
    "#2f6fb0", "#c8641b", "#3d8a52", "#8657a8", "#b03a5b", "#6d6d6d", "#1f8a8a", "#8a7a12",
    "#7a5230", "#c2559a",
)  # fmt: skip
_MARKERS = "os^D"
_LINES = ("-", "--", ":", "-.")  # by model, as in the page


def colour_of(series: Series) -> str:
    """Return the colour of a series."""
    return "0.2" if series.trivial else _COLOURS[series.colour % len(_COLOURS)]


def face_of(series: Series) -> Any:
    """Return what the marks and bars of a series are filled with."""
    colour = colour_of(series)
    faces: dict[str, Any] = {HOLLOW: "white", HALF: (colour, 0.35)}
    return colour if series.trivial else faces.get(fill_of(series.colour), colour)


def marker_of(series: Series) -> str:
    """Return the marker of a series."""
    return _MARKERS[series.shape % len(_MARKERS)]


def printed(name: str) -> str:
    """Return a name as matplotlib prints it, its warnings raised behind it."""
    safe = str(name).replace("$", r"\$")
    marks = marks_of(name)
    return rf"{safe}$^{{\mathrm{{{letters(marks)}}}}}$" if marks else safe


def line_of(series: Series) -> str:
    """Return the line that joins the points of a series."""
    return _LINES[series.shape % len(_LINES)]


def closed_line_of(series: Series) -> str:
    """Return the line around an area; models have radars of their own."""
    return ":" if series.trivial else {HOLLOW: "--", HALF: "-."}.get(fill_of(series.colour), "-")


def filling(series: Series, point: Point) -> dict[str, Any]:
    """Return how a bar is filled: pale if it is partial, or with a broken outline."""
    if not fill_of(series.colour):
        return {"color": colour_of(series), "alpha": 0.35 if point.partial else 1}
    outline = {"edgecolor": colour_of(series), "linestyle": "--" if point.partial else "-"}
    face = face_of(series)
    if point.partial and fill_of(series.colour) == HALF:
        face = (colour_of(series), 0.12)
    return {"facecolor": face, "linewidth": 1.3, **outline}

"""Numbers in heat maps can be read on every colour, light, dark and printed."""

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_rgb

from dnaft.report import images
from dnaft.report.charts import Figure, Heat
from dnaft.report.page import to_page
from dnaft.report.svg_forms import draw
from report_runs import contents_of, make_run

VALUES = tuple(at / 20 for at in range(21))
HEAT = Heat("x", ("row",), tuple(map(str, VALUES)), (VALUES,), ".0f", "rank", 0.0, 1.0)
READABLE = 4.5  # WCAG 2.2, 1.4.3


def contrast(first: str, second: tuple[float, ...]) -> float:
    """Return the contrast of WCAG 2.2, written from its definition."""

    def luminance(colour: tuple[float, ...]) -> float:
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(to_rgb(first)), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_by_pencil() -> None:
    assert contrast("#ffffff", (0, 0, 0)) == pytest.approx(21)
    assert contrast("#777777", (1, 1, 1)) == pytest.approx(4.48, abs=0.01)  # a well-known miss


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder)
    page = to_page(contents_of(folder), [], {"Ranks": [Figure("x", "x", "", (HEAT,))]})
    return page.partition("<style>")[2].partition("</style>")[0]


def rules(style: str, scheme: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables and the fills of classes as a scheme has them, later ones over."""
    dark = r"@media \(prefers-color-scheme: dark\) \{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}"
    text = re.sub(dark, r"\1" if scheme == "dark" else "", style)
    variables = dict(re.findall(r"(--[\w-]+): (#\w+)", text))
    fills = dict(re.findall(r"svg \.([\w-]+) \{ fill: ([^;]+); \}", text))
    return variables, fills


def cells(style: str, scheme: str) -> Iterator[tuple[tuple[float, ...], str]]:
    """Yield the colour of each cell of the page, and that of the number on it."""
    variables, fills = rules(style, scheme)

    def colour(found: str) -> str:
        return variables[found.removeprefix("var(").removesuffix(")")] if "(" in found else found

    panel, full = (to_rgb(found) for found in (variables["--panel"], colour(fills["heat"])))
    shapes = list(ElementTree.fromstring(draw(HEAT)))
    for shape, text in pairwise(shapes):
        if shape.get("class") == "heat":
            opacity = float(shape.get("fill-opacity", "1"))
            mixed = tuple(p + opacity * (f - p) for p, f in zip(panel, full, strict=True))
            # The last rule of a class that the text has.
            inks = [
                colour(ink) for name, ink in fills.items() if name in text.get("class", "").split()
            ]
            yield mixed, inks[-1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_number_of_a_heat_map_can_be_read(style: str, scheme: str) -> None:
    found = list(cells(style, scheme))
    assert len(found) == len(VALUES)
    assert min(contrast(ink, cell) for cell, ink in found) >= READABLE


def test_every_number_of_a_drawn_heat_map_can_be_read() -> None:
    canvas = images.draw(HEAT)
    axes = canvas.axes[0]
    (image,) = axes.images
    mixed = image.to_rgba(image.get_array())[0]  # type: ignore[arg-type]
    assert len(axes.texts) == len(VALUES)
    for cell, text in zip(mixed, axes.texts, strict=True):
        assert contrast(str(text.get_color()), tuple(cell[:3])) >= READABLE


def test_cells_of_one_value_or_none_are_drawn(tmp_path: Path) -> None:
    heat = Heat("x", ("a", "b"), ("c",), ((0.0,), (math.nan,)), ".0f", "rank", 0.0, 0.0)
    assert draw(heat).count('class="heat"') == 1
    images.draw(heat).savefig(tmp_path / "heat.png")

"""Where charts put names, values and bars, in the page and as files: nothing covers another."""

import math
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.text import Text

from dnaft.report import images
from dnaft.report.bar_places import bar_places
from dnaft.report.charts import Level, Places, Plot, Point, Rows, Series
from dnaft.report.svg_forms import draw
from dnaft.report.svg_shapes import LETTER, WIDTH

LEVELS = (Level("baseline_kmer", 0.59), Level("baseline_onehot", 0.588), Level("other", 0.2))


def bars(**more: Any) -> Plot:
    names = ("full", "ia3", "lora")
    series = tuple(Series(name, (Point(at, 0.596),), colour=at) for at, name in enumerate(names))
    return Plot("x", "tiny", "mcc", series, LEVELS, names, form="bars", stacked=True, **more)


def points() -> Plot:
    series = (Series("lora", tuple(Point(at, 0.1 * at) for at in range(1, 7))),)
    return Plot("x", "step", "mcc", series, LEVELS)


def elements(drawn: str, tag: str, look: str) -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(drawn).iter(tag) if one.get("class") == look]


def of_level(drawn: str) -> list[tuple[str, float, float]]:
    """Return the name of each level and where it begins."""
    return [
        (str(text.text), float(text.get("x", "")), float(text.get("y", "")))
        for group in elements(drawn, "g", "level")
        for text in group.iter("text")
    ]


@pytest.mark.parametrize("plot", [bars(), points()], ids=["bars", "points"])
def test_names_of_baselines_stand_beside_the_plot(plot: Plot) -> None:
    drawn = draw(plot)
    found = of_level(drawn)
    assert {name for name, _, _ in found} == {level.name for level in LEVELS}
    end = max(float(one.get("x2", "")) for one in elements(drawn, "line", "level"))
    columns = elements(drawn, "rect", "column")
    shapes = [float(one.get("x", "")) + float(one.get("width", "")) for one in columns]
    shapes += [float(one.get("cx", "")) for one in elements(drawn, "circle", "dot")]
    assert all(max(shapes) <= end < x and x + LETTER * len(name) <= WIDTH for name, x, _ in found)
    heights = sorted(y for _, _, y in found)
    assert all(b - a >= 12 for a, b in pairwise(heights))


@pytest.mark.parametrize("plot", [bars(), points()], ids=["bars", "points"])
def test_names_of_baselines_stand_beside_the_plot_in_files(plot: Plot) -> None:
    canvas = images.draw(plot)
    canvas.draw_without_rendering()
    (axes,) = canvas.axes
    names = {level.name for level in LEVELS}
    # Without the line that leads to it.
    boxes = [Text.get_window_extent(one) for one in axes.texts if one.get_text() in names]
    assert len(boxes) == 3
    assert all(box.x0 > axes.bbox.x1 and box.x1 <= canvas.bbox.x1 for box in boxes)
    assert all(b.y0 > a.y1 for a, b in pairwise(sorted(boxes, key=lambda box: box.y0)))


def test_values_stand_before_the_lines_of_baselines() -> None:
    drawn = draw(bars())
    assert drawn.rindex('class="level"') < drawn.index('class="value"')
    assert drawn.rindex('class="column"') < drawn.index('class="level"')


def test_a_model_has_no_gaps_for_methods_it_lacks() -> None:
    own = {"a": (0, 1), "b": (0,), "c": (0,), "d": (1,)}
    series = tuple(Series(name, tuple(Point(x, 0.5) for x in of)) for name, of in own.items())
    plot = Plot("x", "", "mcc", series, (), ("first", "second"), form="bars")
    # Three bars of the first model, two of the second, each around the middle.
    assert bar_places(plot) == (
        3,
        {(0, 0): -1.0, (1, 0): 0.0, (2, 0): 1.0, (0, 1): -0.5, (3, 1): 0.5},
    )
    svg = sorted(float(one.get("x", "")) for one in elements(draw(plot), "rect", "column"))
    in_file = sorted(bar.get_x() for bar in images.draw(plot).axes[0].patches)  # type: ignore[attr-defined]
    for lefts in (svg, in_file):
        width = lefts[1] - lefts[0]
        assert [b - a for a, b in pairwise(lefts)] == pytest.approx(
            [width, width, lefts[3] - lefts[2], width], rel=0.01
        )


def test_shares_of_like_size_have_bars_of_like_size() -> None:
    names = ("lora", "dora")
    series = tuple(Series(name, (Point(at, (12.1, 17.2)[at]),)) for at, name in enumerate(names))
    plot = Plot("x", "", "% trainable", series, (), names, y_log=True, form="bars", stacked=True)
    low, high = (float(one.get("height", "")) for one in elements(draw(plot), "rect", "column"))
    # From the foot at 1%: log 12.1 and log 17.2.
    assert low / high == pytest.approx(math.log(12.1) / math.log(17.2), rel=0.01)
    assert images.draw(plot).axes[0].get_ylim()[0] == 1


def test_a_name_at_a_mark_stays_within_the_chart() -> None:
    name = "prom_tata, yeast_promoter and 2 more"
    series = (Series("tiny", (Point(30, 1e4), Point(300, 1e5, beside=name), Point(400, 2e5))),)
    plot = Plot("x", "bases", "products", series, x_log=True, y_log=True)
    (text,) = (one for one in ElementTree.fromstring(draw(plot)).iter("text") if one.text == name)
    assert text.get("text-anchor") == "end"
    assert 0 < float(text.get("x", "")) - LETTER * len(name)
    assert float(text.get("x", "")) < WIDTH
    (axes,) = images.draw(plot).axes
    for axis in (axes.xaxis, axes.yaxis):
        assert not any(label.get_text() for label in axis.get_minorticklabels())
    assert "100" in {label.get_text() for label in axes.get_xticklabels()}


@pytest.mark.parametrize("count", [3, 7, 20])
def test_no_stem_runs_through_a_name(count: int) -> None:
    names = tuple(f"method_{at:02d}" for at in range(count))
    ranks = tuple(1 + 0.9 * at for at in range(count))
    canvas = images.draw(Places("x", names, ranks, 2.0, ((0, 1), (1, 2))))
    canvas.draw_without_rendering()
    (axes,) = canvas.axes
    boxes = [one.get_window_extent() for one in axes.texts]
    ordered = sorted((box for box in boxes), key=lambda box: (box.x1 < canvas.bbox.x1 / 2, box.y0))
    for at, box in enumerate(ordered):
        assert not any(box.overlaps(other) for other in ordered[at + 1 :])
        assert box.y0 >= 0
    for line in axes.lines:
        path = line.get_path().transformed(line.get_transform())
        assert not any(path.intersects_bbox(box, filled=False) for box in boxes)


def test_bars_of_methods_that_do_not_differ_keep_apart() -> None:
    names, ranks = ("a", "b", "c", "d"), (1.0, 2.0, 3.0, 4.0)
    canvas = images.draw(Places("x", names, ranks, 2.0, ((0, 2), (1, 3))))
    canvas.draw_without_rendering()
    thick = [one for one in canvas.axes[0].lines if one.get_linewidth() == 3]
    heights = sorted(one.get_window_extent().y0 for one in thick)
    points = [(b - a) / canvas.dpi * 72 for a, b in pairwise(heights)]
    assert min(points) > 2 * 3  # more than a bar's width lies between two


@pytest.mark.parametrize("count", [5, 60])
def test_the_axis_stands_above_many_rows_too(count: int) -> None:
    series = (Series("lora", tuple(Point(at, 10.0) for at in range(count))),)
    rows = Rows("x", "seconds", tuple(f"lr={at}" for at in range(count)), series)
    drawn = draw(rows)
    texts = [(str(one.text), float(one.get("y", ""))) for one in
             ElementTree.fromstring(drawn).iter("text")]  # fmt: skip
    first = min(y for said, y in texts if said.startswith("lr="))
    above = {said for said, y in texts if y < first}
    assert ({"seconds", "0", "10"} <= above) == (count == 60)
    (axes,) = images.draw(rows).axes
    assert axes.xaxis.get_tick_params()["labeltop"] == (count == 60)
    axes.figure.draw_without_rendering()
    numbers = [label.label2.get_window_extent() for label in axes.xaxis.get_major_ticks()]
    assert not any(axes.title.get_window_extent().overlaps(box) for box in numbers)


@pytest.mark.parametrize("count", [4, 8, 23])
def test_turned_names_keep_apart(count: int) -> None:
    names = tuple(f"a_method_of_number_{at}" for at in range(count))
    series = tuple(Series(name, (Point(at, 0.5),)) for at, name in enumerate(names))
    drawn = draw(Plot("x", "", "mcc", series, LEVELS, names, form="bars", stacked=True))
    turned = re.findall(r"rotate\((-\d+) ([\d.]+) ", drawn)
    places = [float(x) for angle, x in turned if angle != "-90"]
    assert len(places) == count
    (angle,) = {float(angle) for angle, _ in turned if angle != "-90"}
    across = [(b - a) * math.sin(math.radians(-angle)) for a, b in pairwise(places)]
    assert min(across) > 10.5  # letters of 11 pixels

"""More methods than colours: each can still be told from the others, in the page and as files."""

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_hex

from dnaft.report import images
from dnaft.report.charts import Places, Plot, Point, Radar, Series
from dnaft.report.contents import Contents
from dnaft.report.families import MARKS
from dnaft.report.page import to_page
from dnaft.report.run_figures import training_curves
from dnaft.report.score_figures import against_parameters, by_method
from dnaft.report.setting_figures import run_times
from dnaft.report.svg_forms import draw
from dnaft.report.task_figures import averages, radars
from report_runs import contents_of, make_run, only, write_metrics

METHODS = tuple(f"method_{at:02d}" for at in range(23))


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    folder = tmp_path_factory.mktemp("outputs")
    for task in MARKS[:4]:
        for name in ("baseline_kmer", "baseline_onehot"):
            make_run(folder, task=task, method=name, lr=None, test=0.2)
        for at, method in enumerate(METHODS):
            if (task, at) != ("h3", 12):
                run = make_run(folder, task=task, method=method, test=0.3 + 0.01 * at)
                write_metrics(run, [0.7, 0.6, 0.5, 0.4], {20: 0.2, 40: 0.3}, "mcc")
    return contents_of(folder)


def looks(drawn: str) -> dict[str, str]:
    """Return the classes of each series."""
    groups = [one for one in ElementTree.fromstring(drawn).iter("g") if one.get("data-series")]
    return {str(one.get("data-series")): str(one.get("class")) for one in groups}


def chart(figure: Any, title: str) -> Any:
    return next(one for one in figure.charts if one.title == title)


def test_each_method_has_a_look_of_its_own_in_the_page(contents: Contents) -> None:
    charts = [
        chart(by_method(contents), MARKS[1]),
        only(averages(contents)),
        chart(against_parameters(contents), MARKS[1]),
        run_times(contents).charts[1],
    ]
    page = to_page(contents, [], {})
    for one in charts:
        found = looks(draw(one))
        assert set(found) == set(METHODS)
        assert len(set(found.values())) == len(METHODS)
        for look in " ".join(found.values()).split():
            assert look == "series" or f"svg .{look}" in page, look  # known to the style sheet


def test_the_key_shows_what_the_chart_shows(contents: Contents) -> None:
    page = to_page(contents, [], {"Scores": [by_method(contents)]})
    first = page.partition('<div class="keys">')[2].partition("</div>")[0]
    shown = dict(re.findall(r'data-series="(\w+)"><svg[^>]*><g class="([^"]*)"', first))
    drawn = looks(draw(by_method(contents).charts[0]))
    assert {name: f"series {look}" for name, look in shown.items()} == drawn


def test_lines_without_marks_differ_too(contents: Contents) -> None:
    (h3, *_) = training_curves(contents)[0].charts
    root = ElementTree.fromstring(draw(h3))
    marked = {
        str(one.get("data-series")): bool(one.findall("*[@class='dot']"))
        for one in root.iter("g")
        if one.get("data-series")
    }
    # The same colour and the same line: the second has marks.
    assert (marked["method_01"], marked["method_11"]) == (False, True)


def bar_looks(axes: Any) -> list[tuple[Any, ...]]:
    return [(bar.get_facecolor(), bar.get_edgecolor()) for bar in axes.patches]


def test_each_method_has_a_look_of_its_own_in_files(contents: Contents) -> None:
    for one in (chart(by_method(contents), MARKS[1]), run_times(contents).charts[1]):
        found = bar_looks(images.draw(one).axes[0])
        assert len(found) == len(set(found)) == len(METHODS)
    points = images.draw(chart(against_parameters(contents), MARKS[1])).axes[0]
    marks = {
        (line.get_color(), str(line.get_markerfacecolor()), line.get_marker())
        for line in points.lines
        if str(line.get_marker()) in "os^D"
    }
    assert len(marks) == len(METHODS)


def test_all_names_of_a_key_are_in_the_file(tmp_path: Path) -> None:
    for model in ("opt_125m", "nt_500m_1000g"):
        for method in METHODS[:20]:
            run = make_run(tmp_path, task="h3", model=model, method=method)
            write_metrics(run, [0.7, 0.6, 0.5], {}, "mcc")
    canvas = images.draw(training_curves(contents_of(tmp_path))[0].charts[0])
    canvas.draw_without_rendering()
    (key,) = canvas.legends
    assert len(key.get_texts()) == 40
    assert key.get_window_extent().y0 >= 0
    # The same method, in its one colour, with either model.
    lines = {line.get_linestyle() for line in canvas.axes[0].lines if line.get_color() == "#2f6fb0"}
    assert len(lines) == 2


def test_a_bar_over_fewer_tasks_is_told_from_the_others(contents: Contents) -> None:
    plot = only(averages(contents))
    (partial,) = (one for one in plot.series if one.points[0].partial)
    assert partial.name == "method_12"
    assert 'class="column partial"' in draw(plot)
    bars = images.draw(plot).axes[0].patches
    assert [bar.get_linestyle() for bar in bars].count("--") == 1  # type: ignore[attr-defined]


def test_baselines_in_radars_look_like_their_lines_elsewhere(contents: Contents) -> None:
    (radar,) = radars(contents).charts
    assert isinstance(radar, Radar)
    found = looks(draw(radar))
    assert found.pop("baseline_kmer") == found.pop("baseline_onehot") == "series trivial"
    assert len(set(found.values())) == len(METHODS)
    assert not any("trivial" in look for look in found.values())
    lines = {str(line.get_label()): line for line in images.draw(radar).axes[0].lines}
    kmer, onehot = lines["baseline_kmer"], lines["baseline_onehot"]
    assert {(x.get_linestyle(), to_hex(x.get_color())) for x in (kmer, onehot)} == {
        (":", "#333333")  # as the lines of levels
    }
    assert kmer.get_marker() != onehot.get_marker()
    methods = {
        (line.get_color(), line.get_linestyle(), str(line.get_markerfacecolor()))
        for name, line in lines.items()
        if name.startswith("method_")
    }
    assert len(methods) == len(METHODS)
    assert ":" not in {style for _, style, _ in methods}


@pytest.mark.parametrize("count", [3, 12, 15, 25, 40])
@pytest.mark.parametrize("long", [4, 30])
def test_numerals_of_ranks_keep_apart(count: int, long: int) -> None:
    names = tuple(f"{at}".rjust(long, "m") for at in range(count))
    places = Places("x", names, tuple(1.0 + at for at in range(count)), 2.0, ())
    texts = [
        (float(text.get("x", "")), str(text.text))
        for text in ElementTree.fromstring(draw(places)).iter("text")
        if text.get("y") == "40.0"
    ]
    assert texts[0][1] == "1"
    for (left, first), (right, second) in pairwise(texts):
        # A digit of 11 pixels is 6.3 wide.
        assert right - left > 6.3 * (len(first) + len(second)) / 2 + 2


@pytest.mark.parametrize("models", [2, 3, 4])
@pytest.mark.parametrize("methods", [2, 3, 5, 20])
def test_bars_of_several_models_have_room_for_their_values(models: int, methods: int) -> None:
    series = tuple(
        Series(f"method_{at}", tuple(Point(x, 0.4321) for x in range(models)), colour=at)
        for at in range(methods)
    )
    names = tuple(f"nt_500m_1000g_{at}" for at in range(models))
    plot = Plot("h3", "", "test mcc", series, (), names, form="bars")
    canvas = images.draw(plot)
    canvas.draw_without_rendering()
    (axes,) = canvas.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert bool(boxes) == (models * methods <= 10)
    ordered = sorted(boxes, key=lambda box: box.x0)
    assert all(a.x1 < b.x0 for a, b in pairwise(ordered))
    inches = [bar.get_window_extent().width / canvas.dpi for bar in axes.patches]
    assert min(inches) > 0.08
    assert math.isclose(min(inches), max(inches), rel_tol=0.01)

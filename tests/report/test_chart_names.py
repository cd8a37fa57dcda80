"""How charts are drawn, in the page and as files: names, warnings, ticks, the room for them."""

import re
import warnings as python_warnings
from pathlib import Path

import pytest

from dnaft.report import images
from dnaft.report.charts import Plot, Point, Series, warnings
from dnaft.report.marks import LEAK, ONE_SEED, marks_of
from dnaft.report.score_figures import against_parameters, by_method
from dnaft.report.setting_figures import run_times
from dnaft.report.svg_forms import draw
from dnaft.report.top_two import top_two
from report_runs import contents_of, make_run, only


def test_warnings_stand_behind_names_and_are_told(tmp_path: Path) -> None:
    leaks = {"leaks": {"train/test": {"exact": 1, "rc": 0}}}
    for method in ("lora", "full"):
        make_run(tmp_path, task="h3", method=method, data=leaks)
        for seed in (1, 2):
            make_run(tmp_path, task="h4", method=method, seed=seed)
    make_run(tmp_path, task="h3", method="baseline_kmer", lr=None, data=leaks)
    figure = by_method(contents_of(tmp_path))
    h3, h4 = figure.charts
    assert isinstance(h3, Plot)
    assert [marks_of(name) for name in h3.categories] == [{ONE_SEED, LEAK}] * 2
    assert marks_of(h3.levels[0].name) == {LEAK}  # one seed says all of a baseline
    assert (warnings(h3), warnings(h4)) == ({ONE_SEED, LEAK}, frozenset())
    assert 'lora<tspan class="mark" dy="-4">1L</tspan>' in draw(h3)
    canvas = images.draw(h3)
    assert [label.get_text() for label in canvas.axes[0].get_xticklabels()] == [
        r"full$^{\mathrm{1L}}$",
        r"lora$^{\mathrm{1L}}$",
    ]
    assert canvas.get_supxlabel().startswith("Warnings: 1: one seed")
    assert "L: sequences of one split are in another" in canvas.get_supxlabel()
    assert images.draw(h4).get_supxlabel() == ""


def test_a_name_has_the_warnings_of_all_that_it_stands_for(tmp_path: Path) -> None:
    for model, seeds in (("opt_125m", (1, 2)), ("opt_350m", (1,))):
        for seed in seeds:
            make_run(tmp_path, model=model, seed=seed)
    contents = contents_of(tmp_path)
    (bars,) = only(by_method(contents)).series  # of both models
    assert marks_of(bars.name) == {ONE_SEED}
    points = only(against_parameters(contents)).series
    assert {one.of: marks_of(one.name) for one in points} == {
        "opt_125m": frozenset(),
        "opt_350m": {ONE_SEED},
    }


def test_bars_of_one_model_say_their_names_and_values(tmp_path: Path) -> None:
    for method, score in (("lora", 0.4567), ("full", 0.5)):
        for seed in (1, 2):
            make_run(tmp_path, method=method, seed=seed, test=score)
    plot = only(by_method(contents_of(tmp_path)))
    assert (plot.x_label, plot.categories) == ("tiny", ("full", "lora"))
    assert ">0.457</text>" in draw(plot)
    assert "0.457" in {text.get_text() for text in images.draw(plot).axes[0].texts}


def test_counts_have_whole_ticks(tmp_path: Path) -> None:
    for task in ("h3", "h4"):
        for method, score in (("full", 0.5), ("lora", 0.4), ("ia3", 0.3)):
            make_run(tmp_path, task=task, method=method, test=score)
    plot = only(top_two(contents_of(tmp_path)))
    canvas = images.draw(plot)
    canvas.draw_without_rendering()
    assert all(float(tick).is_integer() for tick in canvas.axes[0].get_yticks())
    said = re.findall(r'text-anchor="end">([\d.]+)</text>', draw(plot))
    assert said == ["0", "1", "2"]


@pytest.mark.parametrize("heights", [(1000.0, 2500.0), (0.12345, 0.12355), (1e-4, 2e-4)])
def test_numbers_beside_an_axis_keep_clear_of_its_name(heights: tuple[float, ...]) -> None:
    points = tuple(Point(at, y) for at, y in enumerate(heights))
    drawn = draw(Plot("x", "", "seconds", (Series("lora", points),)))
    ends = re.findall(r'<text x="([\d.]+)" [^>]*text-anchor="end">([^<]+)<', drawn)
    # The name is turned and ends at 19; a letter of 11 pixels is 6.3 wide.
    assert ends
    assert all(float(x) - 6.3 * len(text) > 19 for x, text in ends)


def test_long_names_leave_room_for_the_chart(tmp_path: Path) -> None:
    for at in range(12):
        keys = {
            "data.a_key_with_a_long_name": at,
            "method.inject.another_long_name": "x" * 40 + f"{at}",
        }
        make_run(tmp_path, **keys)
    (chart,) = run_times(contents_of(tmp_path)).charts
    canvas = images.draw(chart)
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("error")  # "axes sizes collapsed to zero"
        canvas.draw_without_rendering()
    width, height = canvas.axes[0].get_position().size
    assert width > 0.3
    assert height > 0.5


def test_turned_names_end_under_their_place(tmp_path: Path) -> None:
    for method in ("adalora_rs", "layer_probe", "baseline", "prefix_tuning", "linear_probe"):
        make_run(tmp_path, method=method)
    labels = images.draw(only(by_method(contents_of(tmp_path)))).axes[0].get_xticklabels()
    assert {(x.get_ha(), x.get_rotation_mode()) for x in labels} == {("right", "anchor")}

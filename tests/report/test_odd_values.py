"""Scores that are all zero, and numbers without an end, spoil no report."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from dnaft.report.axes import Axis, spanned
from dnaft.report.families import MARKS
from dnaft.report.marks import number
from dnaft.report.result_tables import run_table
from dnaft.report.run_figures import rank_maps, training_curves
from dnaft.report.score_figures import against_time
from dnaft.report.setting_figures import by_setting, run_times
from dnaft.report.write import PAGE, write_report
from report_runs import contents_of, make_run, only, write_metrics, write_ranks


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("values", [[0.0, 0.0], [0.0], [-0.0, 0.0]])
def test_an_axis_of_zeros_has_ticks(values: list[float], zero: bool) -> None:
    axis = Axis(*spanned(values, zero=zero), 0.0, 100.0)
    assert axis.low < axis.high
    assert len(axis.ticks()) > 1
    assert 0 <= axis(0.0) <= 100


def test_scores_that_are_all_zero_are_drawn(tmp_path: Path) -> None:
    # MCC is 0 where a model answers one class only.
    for task in MARKS[:3]:
        for method in ("lora", "full", "ia3"):
            for seed in (1, 2):
                make_run(tmp_path / "runs", task=task, method=method, seed=seed, dev=0.0, test=0.0)
    files = write_report(contents_of(tmp_path / "runs"), tmp_path / "out", images=True)
    page = (tmp_path / "out" / PAGE).read_text()
    assert 'id="figure-methods"' in page
    assert 'id="figure-radar"' in page
    assert "radar-tiny.png" in {file.name for file in files}


def damage(run: Path, *place: str, value: object) -> None:
    file = run / "result.json"
    content = part = json.loads(file.read_text())
    *above, last = place
    for name in above:
        part = part[name]
    part[last] = value
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("value", [math.inf, -math.inf, 10**400], ids=["inf", "-inf", "large"])
def test_a_number_without_an_end_is_missing(tmp_path: Path, value: float) -> None:
    assert math.isnan(number(value))
    damage(make_run(tmp_path / "runs"), "timing", "seconds", value=value)
    damage(make_run(tmp_path / "runs", method="full"), "parameters", "trainable", value=value)
    contents = contents_of(tmp_path / "runs")
    write_report(contents, tmp_path / "out", images=True)
    table = run_table(contents)
    shown = {
        row[table.head.index("method")].shown: [
            row[table.head.index(title)].shown for title in ("seconds", "trainable")
        ]
        for row in table.rows
    }
    assert shown == {"lora": ["-", "1,000"], "full": ["60.0", "-"]}
    assert [one.name for one in only(against_time(contents)).series] == ["full"]
    (times,) = run_times(contents).charts
    assert times.names == ("full",)  # type: ignore[union-attr]


def test_a_setting_without_an_end_is_a_word(tmp_path: Path) -> None:
    for value in (1.0, 2.0, math.inf):
        run = make_run(tmp_path / "runs", **{"trainer.gradient_clip_val": 1.0})
        damage(run, "config", "trainer", "gradient_clip_val", value=value)
    contents = contents_of(tmp_path / "runs")
    (figure,) = by_setting(contents)
    assert only(figure).categories == ("1.0", "2.0", "Infinity")
    write_report(contents, tmp_path / "out", images=True)


def test_curves_and_ranks_without_an_end_are_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs", method="adalora_rs")
    losses: list[Any] = [0.7, math.inf, 0.5]
    write_metrics(run, losses, {}, "mcc")
    write_ranks(run, {"00.q": 3, "00.v": math.inf})  # type: ignore[dict-item]
    contents = contents_of(tmp_path / "runs")
    (series,) = only(training_curves(contents)[0]).series
    assert [point.y for point in series.points] == [0.7, 0.5]
    (heat,) = rank_maps(contents).charts
    assert heat.high == 3  # type: ignore[union-attr]
    write_report(contents, tmp_path / "out", images=True)

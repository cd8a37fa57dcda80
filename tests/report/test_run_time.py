"""Which seconds of runs are compared, by pencil."""

from pathlib import Path
from typing import Any

import pytest

from dnaft.report.charts import Plot, Rows
from dnaft.report.contents import Contents
from dnaft.report.score_figures import against_time
from dnaft.report.setting_figures import run_times
from report_runs import contents_of, make_run, only


def took(seconds: float, train: float | None, **training: Any) -> dict[str, Any]:
    timing = {"seconds": seconds, "steps": 200}
    return {
        "timing": timing if train is None else timing | {"train_seconds": train},
        "training": {"frozen_states": None, "together": 1, **training},
    }


def states(rows_read: int, seconds: float, what: str = "pooled vectors") -> dict[str, Any]:
    found = {"states": what, "rows": 300, "rows_read": rows_read, "read_seconds": seconds}
    return {"frozen_states": found}


def bars(contents: Contents) -> tuple[str, dict[str, float]]:
    (chart,) = run_times(contents).charts
    assert isinstance(chart, Rows)
    points = [point for one in chart.series for point in one.points]
    return chart.x_label, {chart.names[int(point.x)]: point.y for point in points}


def dots(contents: Contents) -> tuple[str, dict[str, float]]:
    plot: Plot = only(against_time(contents))
    return plot.x_label, {one.name: one.points[0].x for one in plot.series}


@pytest.mark.parametrize("measured", [bars, dots])
def test_who_fills_the_caches_pays_no_more_than_others(tmp_path: Path, measured: Any) -> None:
    make_run(tmp_path, method="lora", **took(100, 40))  # made the tokens of all
    make_run(tmp_path, method="full", seed=1, **took(60, 41))
    make_run(tmp_path, method="full", seed=2, **took(60, 43))
    assert measured(contents_of(tmp_path)) == ("seconds of training", {"lora": 40, "full": 42})


@pytest.mark.parametrize("measured", [bars, dots])
def test_states_from_the_cache_cost_what_computing_them_took(tmp_path: Path, measured: Any) -> None:
    make_run(tmp_path, method="linear_probe", **took(50, 2, **states(300, 30)))
    make_run(tmp_path, method="mlp_probe", **took(9, 3, **states(0, 1)))
    make_run(tmp_path, method="other", **took(9, 4, **states(0, 1, "layer 3")))  # nobody here did
    make_run(tmp_path, method="lora", **took(60, 40))
    expected = {"linear_probe": 32, "mlp_probe": 33, "other": 5, "lora": 40}
    assert measured(contents_of(tmp_path)) == ("seconds of training", expected)


def test_states_of_another_task_are_others(tmp_path: Path) -> None:
    make_run(tmp_path, task="h3", method="linear_probe", **took(50, 2, **states(300, 30)))
    make_run(tmp_path, task="h4", method="linear_probe", **took(50, 2, **states(0, 1)))
    found = {chart.title: chart for chart in run_times(contents_of(tmp_path)).charts}
    h4 = found["h4, tiny"]
    assert isinstance(h4, Rows)
    assert [point.y for point in h4.series[0].points] == [3]


def test_runs_of_one_pass_share_its_seconds(tmp_path: Path) -> None:
    make_run(tmp_path, method="lora", **took(100, 80, together=4))
    make_run(tmp_path, method="full", **took(100, 80))
    assert bars(contents_of(tmp_path))[1] == {"lora": 20, "full": 80}


@pytest.mark.parametrize("measured", [bars, dots])
def test_where_one_lacks_the_time_of_training_all_have_that_of_the_run(
    tmp_path: Path, measured: Any
) -> None:
    make_run(tmp_path, method="lora", **took(60, 40))
    make_run(tmp_path, method="full", **took(70, None))
    expected = "seconds of the whole run", {"lora": 60, "full": 70}
    assert measured(contents_of(tmp_path)) == expected


def test_a_run_without_any_time_is_left_out(tmp_path: Path) -> None:
    make_run(tmp_path, method="lora", **took(60, 40))
    make_run(tmp_path, method="full", timing={"seconds": None, "train_seconds": 3.0})
    assert bars(contents_of(tmp_path))[1] == {"lora": 40}

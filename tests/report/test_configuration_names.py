"""Names of configurations in a chart: short, and each its own."""

from pathlib import Path

from dnaft.report.configuration_names import configuration_names
from dnaft.report.setting_figures import run_times
from dnaft.report.svg_forms import draw
from report_runs import contents_of, make_run

USUAL = {"method.accumulate": "every_step", "method.compact": False, "method.last_mask": "random"}


def names_of(folder: Path) -> list[str]:
    return list(configuration_names(contents_of(folder).groups))


def test_names_have_the_rate_and_what_is_unusual(tmp_path: Path) -> None:
    for lr in (1e-3, 1e-2):
        make_run(tmp_path, lr=lr, **USUAL)
    make_run(tmp_path, lr=1e-2, **(USUAL | {"method.compact": True}))
    make_run(tmp_path, lr=1e-2, **(USUAL | {"method.last_mask": "fixed", "method.compact": True}))
    make_run(tmp_path, lr=1e-2, **(USUAL | {"method.accumulate": "never"}))
    make_run(tmp_path, method="full", **USUAL)
    assert sorted(names_of(tmp_path)) == [
        "full",
        "lora lr=0.001",
        "lora lr=0.01",
        "lora lr=0.01, accumulate=never",
        "lora lr=0.01, compact=true",
        "lora lr=0.01, compact=true, last_mask=fixed",
    ]


def test_values_of_which_none_is_that_of_most_are_all_named(tmp_path: Path) -> None:
    for rank in (2, 8):
        make_run(tmp_path, **{"method.rank": rank})
    assert names_of(tmp_path) == ["rank=2", "rank=8"]


def test_names_differ_where_older_runs_lack_a_setting(tmp_path: Path) -> None:
    make_run(tmp_path, **{"method.rank": 2})
    for dropout in (0.1, 0.1, 0.2):
        make_run(tmp_path, **{"method.rank": 2, "method.dropout": dropout})
    found = names_of(tmp_path)
    assert len(found) == len(set(found)) == 3


def test_bars_are_ordered_by_their_rate_and_say_what_is_usual(tmp_path: Path) -> None:
    for lr in (1e-1, 3e-2, 1e-3):
        make_run(tmp_path, lr=lr)
    figure = run_times(contents_of(tmp_path))
    (chart,) = figure.charts
    shown = draw(chart)
    assert shown.index(">lr=0.001<") < shown.index(">lr=0.03<") < shown.index(">lr=0.1<")
    assert "differs from most" in figure.note
    other = make_run(tmp_path / "other").parents[3]
    assert "differs from most" not in run_times(contents_of(other)).note

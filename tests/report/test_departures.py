"""Runs as a released program makes them, beside those of the paper's protocol."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from composing import composed
from dnaft.record import RunRecord
from dnaft.report.contents import Contents
from dnaft.report.departures import departure_table
from dnaft.report.marks import ON_TEST, UNEQUAL
from dnaft.report.result_tables import run_table
from dnaft.report.setting_figures import by_setting, run_times
from dnaft.report.tables import Cell
from report_runs import contents_of, make_run

NONE = (0.50, 0.53, 0.57)
EPOCHS = (0.56, 0.57, 0.64)
LENGTH = (0.51, 0.52, 0.58)


def lines(contents: Contents) -> dict[str, dict[str, Cell]]:
    table = departure_table(contents)
    found = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    return {line["released"].shown: line for line in found}


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    changed: dict[str, Any] = {"protocol.released": {"max_length": "run.sh"}}
    for seed in (1, 2, 3):
        make_run(tmp_path, seed=seed, dev=0.5, test=NONE[seed - 1])
        epochs = {"protocol.released": {"epochs": "run.sh"}, "trainer.max_epochs": 10}
        make_run(tmp_path, seed=seed, dev=0.9, test=EPOCHS[seed - 1], **epochs)
        length = {"model.max_tokens": 128, "data.long_input": "cut", **changed}
        make_run(tmp_path, seed=seed, dev=0.8, test=LENGTH[seed - 1], **length)
    return tmp_path


def test_a_departure_is_one_setting_and_hides_the_keys_it_changes(outputs: Path) -> None:
    contents = contents_of(outputs)
    assert contents.models == ["tiny"]  # max_tokens makes no other model here
    assert sorted(one.name for one in contents.groups) == [
        "released=epochs",
        "released=max_length",
        "released=none",
    ]


def test_other_tasks_and_models_say_nothing_of_departures(outputs: Path) -> None:
    make_run(outputs, task="h4")
    make_run(outputs, task="h4", model="small")
    make_run(outputs, model="small")
    contents = contents_of(outputs)
    names = {(one.task, one.model): set[str]() for one in contents.groups}
    for one in contents.groups:
        names[one.task, one.model].add(one.name)
    assert names == {
        ("h3", "tiny"): {"released=none", "released=epochs", "released=max_length"},
        ("h3", "small"): {""},
        ("h4", "tiny"): {""},
        ("h4", "small"): {""},
    }
    times = {chart.title: chart.names for chart in run_times(contents).charts}  # type: ignore[union-attr]
    assert times["h4, tiny"] == ("lora",)
    table = run_table(contents)
    task, model, settings = (table.head.index(x) for x in ("task", "model", "settings"))
    assert {(row[task].shown, row[model].shown) for row in table.rows if row[settings].shown} == {
        ("h3", "tiny")
    }


def test_departures_are_not_what_dev_chooses_among(outputs: Path) -> None:
    contents = contents_of(outputs)
    ((_, one),) = contents.best.items()
    assert one.name == "released=none"
    assert by_setting(contents) == []
    (times,) = run_times(contents).charts
    assert len(times.names) == 3  # type: ignore[union-attr]


def test_a_departure_is_compared_with_the_runs_without(outputs: Path) -> None:
    found = lines(contents_of(outputs))
    assert list(found) == ["none", "epochs", "max_length"]
    assert found["none"]["difference"].shown == "-"
    tests = {
        name: stats.ttest_rel(of, NONE) for name, of in (("epochs", EPOCHS), ("max_length", LENGTH))
    }
    for name, of in (("epochs", EPOCHS), ("max_length", LENGTH)):
        line, interval = found[name], tests[name].confidence_interval()
        assert line["test"].value == pytest.approx(np.mean(of))
        assert line["spread"].value == pytest.approx(np.std(of, ddof=1))
        assert line["difference"].value == pytest.approx(np.mean(of) - np.mean(NONE))
        ends = line["95% low"].value, line["95% high"].value
        assert ends == pytest.approx((interval.low, interval.high))
        assert line["p, t"].value == pytest.approx(tests[name].pvalue)
        assert line["shared seeds"].shown == "3"
    # Two tests: the smaller p twice, the larger as it is unless that is less.
    small, large = sorted(test.pvalue for test in tests.values())
    assert found["epochs"]["p, t, Holm"].value == pytest.approx(2 * small)
    assert found["max_length"]["p, t, Holm"].value == pytest.approx(max(2 * small, large))


def test_only_runs_of_the_same_rate_and_settings_are_compared(tmp_path: Path) -> None:
    for seed in (1, 2):
        for lr, batch in ((1e-3, 8), (1e-3, 16)):
            make_run(tmp_path, seed=seed, lr=lr, test=batch / 100, **{"data.batch_size": batch})
        for lr in (1e-3, 1e-2):
            changed: dict[str, Any] = {"protocol.released": {"epochs": "x"}, "data.batch_size": 16}
            make_run(tmp_path, seed=seed, lr=lr, test=0.2 + seed / 100, **changed)
    table = departure_table(contents_of(tmp_path))
    head = table.head
    found = [[row[head.index(k)].shown for k in ("lr", "settings", "released", "difference")]
             for row in table.rows]  # fmt: skip
    assert sorted(found) == [
        ["0.001", "batch_size=16, lr=0.001", "epochs", "+0.0550"],  # .21 and .22 over .16
        ["0.001", "batch_size=16, lr=0.001", "none", "-"],
        ["0.01", "batch_size=16, lr=0.01", "epochs", "-"],
    ]


def test_a_departure_of_another_rate_is_not_compared(tmp_path: Path) -> None:
    changed: dict[str, Any] = {"protocol.released": {"epochs": "x"}}
    for seed in (1, 2):
        make_run(tmp_path, seed=seed, lr=1e-3)
        make_run(tmp_path, seed=seed, lr=1e-2, test=0.5 + seed / 100, **changed)
    assert lines(contents_of(tmp_path))["epochs"]["difference"].shown == "-"


def test_departures_alone_are_chosen_among_but_make_no_figure(tmp_path: Path) -> None:
    for name, dev in (("epochs", 0.4), ("seed", 0.5)):
        changed: dict[str, Any] = {"protocol.released": {name: "x"}}
        make_run(tmp_path, dev=dev, **changed)
    contents = contents_of(tmp_path)
    (one,) = contents.best.values()
    assert one.name == "released=seed"
    assert by_setting(contents) == []


def test_what_test_chose_for_and_other_seeds_are_marked(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        make_run(tmp_path, seed=seed, test=0.5 + seed / 100)
    for seed in (1, 2):
        chosen = {"step": 9, "metric": "mcc", "value": 0.9, "split": "test"}
        changed = {"protocol.released": {"choose_on_test": "x"}, "eval.choose_on": "test"}
        make_run(tmp_path, seed=seed, test=0.6, chosen=chosen, **changed)
    line = lines(contents_of(tmp_path))["choose_on_test"]
    assert (line["method"].shown, line["shared seeds"].shown) == ("lora", "2")
    assert line["test"].marks == {ON_TEST}
    assert line["difference"].marks == {ON_TEST, UNEQUAL}


def test_runs_without_departures_have_no_such_table(tmp_path: Path) -> None:
    make_run(tmp_path)
    assert departure_table(contents_of(tmp_path)).rows == ()


def test_the_switches_of_the_sweep_are_read_as_they_are_composed(tmp_path: Path) -> None:
    base = ("experiment=paper_yeast", "task=h3", "model=opt_125m", "method=adalora_rs")
    for switches in ("", "max_length", "alpha_dropout", "epochs,weight_decay"):
        config = composed(*base, f"released=[{switches}]")
        RunRecord(
            task="h3", model="opt_125m", method="adalora_rs", seed=1, config=config,
            code_version="1", data={}, parameters={"trainable": 1, "total": 9, "fraction": 0.1},
            scores={"dev": {"mcc": 0.5}, "test": {"mcc": 0.5}},
            chosen={"step": 1, "metric": "mcc", "value": 0.5}, timing={"seconds": 60.0},
        ).write(tmp_path / f"run_{switches}" / "result.json")  # fmt: skip
    contents = contents_of(tmp_path)
    assert contents.models == ["opt_125m"]
    assert sorted(one.name for one in contents.groups) == [
        "released=alpha_dropout",
        "released=epochs+weight_decay",
        "released=max_length",
        "released=none",
    ]

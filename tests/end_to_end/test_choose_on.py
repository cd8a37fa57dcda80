"""eval.choose_on=test: the test split chooses, and everything says so."""

import csv
from pathlib import Path

import pytest

from dnaft.record import read
from dnaft.report.marks import ON_TEST, of_record
from small_runs import SMALL_BERT, Command, result

FIVE = ["method=linear_probe", "method.optimizer.lr=0.3", "trainer.max_epochs=5", "seed=3"]


def curve(folder: Path, key: str) -> dict[int, float]:
    """Return a column of metrics.csv by the optimiser steps done."""
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get(key)]
    return {int(row["step"]) + 1: float(row[key]) for row in rows}


def test_the_best_on_test_is_taken_and_marked(
    train: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = train(*SMALL_BERT, *FIVE, "released=choose_on_test")
    assert "the test split chooses the checkpoint" in capsys.readouterr().out
    found, scores = result(folder), curve(folder, "test/mcc")
    assert len(scores) == 5
    assert found["chosen"]["split"] == "test"
    assert found["chosen"]["value"] == pytest.approx(max(scores.values()))
    assert found["chosen"]["value"] == found["scores"]["test"]["mcc"]
    assert scores[found["chosen"]["step"]] == max(scores.values())
    assert "choose_on_test" in found["config"]["protocol"]["released"]
    assert ON_TEST in of_record(read(folder / "result.json"))
    assert not curve(folder, "dev/mcc")

    plain = train(*SMALL_BERT, *FIVE, out="plain")
    found = result(plain)
    assert found["chosen"]["split"] == "dev"
    assert found["chosen"]["value"] == found["scores"]["dev"]["mcc"]
    assert ON_TEST not in of_record(read(plain / "result.json"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["eval.choose_after=1.5"],
            "eval.choose_after: a share of the run's steps, from 0 to 1; got",
        ),
        (["eval.choose_on=train"], "eval.choose_on: must be dev or test, got train"),
        (
            ["eval.choose_on=test", "method=baseline_kmer", "model=none"],
            "eval.choose_on: is test, and method baseline_kmer is a linear model",
        ),
        (
            ["callbacks=early_stopping", "callbacks.early_stopping.monitor=test/mcc"],
            "callbacks.early_stopping.monitor: there is no test/mcc",
        ),
        (
            ["released=nothing"],
            "released: there is no nothing",
        ),
    ],
)
def test_no_other_way_leads_to_test(
    train: Command, capsys: pytest.CaptureFixture[str], overrides: list[str], message: str
) -> None:
    model = [] if "model=none" in overrides else SMALL_BERT
    with pytest.raises(SystemExit) as stop:
        train(*model, *overrides)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err

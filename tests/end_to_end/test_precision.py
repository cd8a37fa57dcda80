"""Runs in the precision that the machine computes fastest, and what they say of it."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from small_runs import SMALL_BERT, Command, result

RUN = ["method=lora", *SMALL_BERT, "data.batch_size=16"]


def probabilities(folder: Path) -> list[float]:
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    found: list[float] = table["score"].to_pylist()
    return found


def test_auto_is_the_run_that_names_the_precision(
    train: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    single = train(*RUN)
    assert result(single)["training"]["precision"] == "32-true"
    assert "precision 32-true: of tests" in capsys.readouterr().out

    named = train(*RUN, "trainer.precision=bf16-mixed")
    assert "precision bf16" not in capsys.readouterr().out
    monkeypatch.setattr(
        "dnaft.strategy.choose_precision", lambda *_: ("bf16-mixed", "the processor can")
    )
    chosen = train(*RUN, "trainer.precision=auto", out="auto")
    assert "precision bf16-mixed: the processor can" in capsys.readouterr().out
    assert result(chosen)["training"]["precision"] == "bf16-mixed"
    assert result(chosen)["scores"] == result(named)["scores"]
    rounded, exact = (probabilities(run) for run in (chosen, single))
    assert rounded != exact
    assert rounded == pytest.approx(exact, abs=0.02)


def test_a_probe_takes_the_precision_that_it_has(train: Command) -> None:
    probe = ["method=layer_probe", *SMALL_BERT]
    said = train(*probe, "trainer.precision=32-true")
    left_open = train(*probe)
    assert result(said)["scores"] == result(left_open)["scores"]

"""What is frozen is computed once: the same scores, no second reading, keys by content."""

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from transformers.models.bert.modeling_bert import BertLayer, BertModel

from small_runs import SMALL_BERT, Command, result

PROBE = ["method=linear_probe", *SMALL_BERT, "trainer.max_epochs=2", "data.batch_size=8"]
PARTIAL = ["method=partial", "method.inject.top_layers=1", *SMALL_BERT, "trainer.max_epochs=2"]
MINI = ["model=yeast_mini", "progress=false", "trainer.accelerator=cpu", "trainer.max_epochs=2"]
STRANDS = [
    "data.reverse_complement=0.5", "data.eval_reverse_complement=true",
    "model.max_tokens=40", "data.long_input=windows",
]  # fmt: skip


@pytest.fixture
def unlike(promoter_files: list[str], tmp_path: Path) -> list[str]:
    """The promoters, cut to lengths from 36 to 60 bp."""
    task = promoter_files[:2]
    for override in promoter_files[2:]:
        name, _, path = override.partition("=")
        rows = list(csv.reader(Path(path).read_text().splitlines()))
        with (tmp_path / Path(path).name).open("w", newline="") as file:
            shorter = [[row[0][4 * (i % 7) :], row[1]] for i, row in enumerate(rows[1:])]
            csv.writer(file).writerows([rows[0], *shorter])
        task.append(f"{name}={tmp_path / Path(path).name}")
    return task


def scores(folder: Path) -> Any:
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    return table["score"].to_numpy()


def frozen(folder: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = result(folder)["training"]["frozen_states"]
    return found


def entries(tmp_path: Path) -> set[Path]:
    return {file.parent for file in tmp_path.glob("cache/frozen/*/states.npy")}


@pytest.mark.parametrize(
    ("settings", "states", "rows"),
    [
        ([*PROBE, "method.head_dropout=0.2"], "pooled vectors (mean)", 192),
        ([*PROBE, *STRANDS], "pooled vectors (mean)", 384),
        (["method=linear_probe", *MINI], "hidden states", 192),
        ([*PARTIAL, *STRANDS], "hidden states below layer 2", 384),
        (["method=partial", *MINI], "hidden states below layer 3", 192),
    ],
    ids=["probe", "probe of both strands", "probe by position", "partial", "partial of a U-Net"],
)
def test_scores_are_those_of_a_run_without(
    settings: list[str], states: str, rows: int, train: Command, unlike: list[str]
) -> None:
    plain = train(*settings, "fast.frozen_states=false", task=unlike)
    fast = train(*settings, task=unlike)
    assert frozen(plain) is None
    found = frozen(fast)
    assert found is not None
    assert (found["states"], found["rows"], found["rows_read"]) == (states, rows, rows)
    assert np.ptp(scores(plain)) > 1e-3
    np.testing.assert_allclose(scores(fast), scores(plain), rtol=0, atol=2e-4)


def count_calls(monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> list[int]:
    calls: list[int] = []
    original = kind.forward

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(kind, "forward", counted)
    return calls


def test_a_second_run_does_not_call_the_model(
    train: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models, layers = (count_calls(monkeypatch, kind) for kind in (BertModel, BertLayer))
    train(*PROBE)
    assert models
    assert "192 rows read once" in capsys.readouterr().out
    made = entries(tmp_path)
    assert len(made) == 3
    models.clear()
    layers.clear()
    second = train(*PROBE, "seed=2", "method.optimizer.lr=0.1", "data.eval_batch_size=7")
    assert not models
    assert not layers
    assert entries(tmp_path) == made
    found = frozen(second)
    assert found is not None
    assert found["rows_read"] == 0
    assert "pooled vectors (mean) of the frozen layers: from the cache" in capsys.readouterr().out


@pytest.mark.parametrize("settings", [PROBE, [*PARTIAL, "data.batch_size=8"]])
def test_what_the_kept_states_cost_is_counted_and_not_only_for_the_first(
    settings: list[str], train: Command
) -> None:
    plain = result(train(*settings, "fast.frozen_states=false"))["flops"]
    assert plain["read"] == 0
    rows = 96  # of train, of one length: as many operations a row, by whichever way
    for _ in range(2):
        found = result(train(*settings, "seed=2"))
        kept, steps = found["flops"], found["timing"]["steps"]
        assert kept["per_step"] + kept["read"] * 8 / rows == plain["per_step"]
        assert kept["total"] == kept["read"] + kept["per_step"] * steps


def test_another_model_tokenizer_row_or_pooling_is_another_entry(
    train: Command, promoter_files: list[str], tmp_path: Path
) -> None:
    once = [*PROBE, "trainer.max_epochs=1"]
    train(*once)
    known = entries(tmp_path)
    edited = Path(tmp_path / "test.csv")
    source = next(o for o in promoter_files if "source.test" in o).partition("=")[2]
    text = Path(source).read_text().splitlines()
    text[3] = ("C" if text[3][0] == "A" else "A") + text[3][1:]
    edited.write_text("\n".join(text) + "\n")
    row = [o for o in promoter_files if "source.test" not in o] + [f"task.source.test={edited}"]
    for change, task, new in (
        (["+model.weights_seed=3"], None, 3),
        (["tokenizer=character"], None, 3),
        (["model.pooling=first"], None, 3),
        (["model.position_rank=2"], None, 3),
        ([], row, 1),
    ):
        train(*once, *change, task=task)
        assert len(entries(tmp_path) - known) == new, change
        known = entries(tmp_path)


def test_a_damaged_entry_is_computed_anew(train: Command, tmp_path: Path) -> None:
    first = train(*PROBE)
    largest = max(entries(tmp_path), key=lambda entry: (entry / "states.npy").stat().st_size)
    os.truncate(largest / "states.npy", 1000)
    second = train(*PROBE)
    found = frozen(second)
    assert found is not None
    assert found["rows_read"] == 96  # those of train
    assert np.array_equal(scores(second), scores(first))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ([*PARTIAL, "model.architecture.hidden_dropout_prob=0.1"], "have dropout, or another"),
        ([*PROBE, "fast.cache_gib=0"], "more than fast.cache_gib=0 or the disk has room for"),
        ([*PROBE, "trainer.limit_train_batches=2"], "training reads 32 rows; to keep their"),
        ([*PROBE, "trainer.max_steps=3"], "training reads 24 rows; to keep their"),
        ([*PROBE, "trainer.precision=64-true"], "trainer.precision=64-true"),
        ([*PARTIAL, "fast.gradient_checkpointing=true"], "fast.gradient_checkpointing=true"),
    ],
    ids=["dropout", "no room", "few batches", "few steps", "precision", "computed twice"],
)
def test_else_it_is_computed_in_every_epoch_and_says_why(
    settings: list[str],
    reason: str,
    train: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = train(*settings)
    assert frozen(folder) is None
    printed = capsys.readouterr().out
    assert "the frozen layers are computed in every epoch: " in printed
    assert reason in printed
    assert not entries(tmp_path)


def test_adapters_have_nothing_to_say(train: Command, capsys: pytest.CaptureFixture[str]) -> None:
    folder = train("method=lora", *SMALL_BERT, "trainer.max_steps=2")
    assert frozen(folder) is None
    assert "frozen layers" not in capsys.readouterr().out

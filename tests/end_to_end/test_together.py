"""Runs of a sweep that are trained in one pass leave what runs one by one leave."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from dnaft.finetuner import FineTuner
from dnaft.saved_run import load_model
from small_runs import SMALL_BERT, SMALL_OPT, Command, Interrupted, result

# In double precision what is left of a difference is rounding, in float32 of the loss alone.
EXACT = ["trainer.precision=64-true", "trainer.log_every_n_steps=1", "data.batch_size=16"]
SWEEP = ["hydra.mode=MULTIRUN", "method=lora"]
TOGETHER = "hydra.launcher.together=4"


def folders(newest: Path) -> dict[str, Path]:
    """The finished runs beside one, by name."""
    return {file.parent.name: file.parent for file in newest.parent.glob("*/result.json")}


def curve(folder: Path, column: str) -> list[float]:
    rows = csv.DictReader((folder / "metrics.csv").open())
    return [float(row[column]) for row in rows if row.get(column)]


def compare(found: Path, expected: Path, tolerance: float = 1e-6) -> None:
    """Losses of each step, dev scores, chosen weights, predictions."""
    for column in ("train/loss", "dev/loss", "dev/mcc", "dev/auroc"):
        ours, theirs = curve(found, column), curve(expected, column)
        assert len(ours) == len(theirs) > 0
        assert ours == pytest.approx(theirs, abs=tolerance)
    one, other = result(found), result(expected)
    for key in ("parameters", "flops", "data", "ranks"):
        assert one[key] == other[key]
    assert one["chosen"]["step"] == other["chosen"]["step"]
    for split, scores in other["scores"].items():
        assert one["scores"][split] == pytest.approx(scores, abs=tolerance)
    file = Path("adapter", "adapter_model.safetensors")
    ours, theirs = load_file(found / file), load_file(expected / file)
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=10 * tolerance)
    scores = [
        pq.ParquetFile(f / "test_predictions.parquet").read(use_threads=False)["score"].to_numpy()
        for f in (found, expected)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=tolerance)
    sizes = [(f / "checkpoints" / "last.ckpt").stat().st_size for f in (found, expected)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)


def test_a_sweep_of_ranks_and_rates_equals_separate_runs(train: Command) -> None:
    grid = ["method.rank=2,5", "method.optimizer.lr=1e-3,4e-3", "trainer.max_epochs=2"]
    options = [*SWEEP, *grid, *SMALL_BERT, *EXACT]
    alone = folders(train(*options, out="alone"))
    together = folders(train(*options, TOGETHER, out="together"))
    assert len(together) == 4
    assert together.keys() == alone.keys()
    for name, folder in together.items():
        compare(folder, alone[name])
        assert result(folder)["training"]["together"] == 4
        assert result(alone[name])["training"]["together"] == 1
        log = (folder / "output.log").read_text()
        assert log.count("run folder:") == 2
        assert str(folder) in log
        # Plain PEFT's files: dnaft loads them with PeftModel.
        backbone, record = load_model(folder)
        rank = record.config["method"]["rank"]
        shapes = {p.shape for n, p in backbone.named_parameters() if "query.lora_A" in n}
        assert shapes == {(rank, 16)}
    losses = {tuple(curve(folder, "train/loss")) for folder in together.values()}
    assert len(losses) == 4


@pytest.mark.parametrize("compact", ["false", "true"])
def test_the_rank_sampler_acts_in_each_run_by_itself(train: Command, compact: str) -> None:
    """An OPT without dropout, a text in front of each row, pruned ranks, also removed ones."""
    options = [
        "hydra.mode=MULTIRUN", "method=lingo", "model=tiny_opt", *SMALL_OPT, *EXACT,
        "method.callbacks.rank_sampler.target_rank=2,4", "trainer.max_epochs=2",
        "model.architecture.dropout=0.0", "method.inject.dropout=0.0",
        f"method.callbacks.rank_sampler.compact={compact}",
    ]  # fmt: skip
    alone = folders(train(*options, out="alone"))
    together = folders(train(*options, TOGETHER, out="together"))
    assert len(together) == 2
    for name, folder in together.items():
        assert result(folder)["training"]["together"] == 2
        compare(folder, alone[name])
        removed = "pruned triplets removed" in (folder / "output.log").read_text()
        assert removed == (compact == "true")
        assert (folder / "ranks.csv").read_text() == (alone[name] / "ranks.csv").read_text()


def test_a_killed_group_goes_on_and_nothing_counts_twice(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*SWEEP, *SMALL_BERT, *EXACT, "trainer.max_epochs=2,3"]
    alone = folders(train(*options, out="alone"))

    def fail(module: FineTuner) -> None:
        if module.current_epoch == 1:
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(FineTuner, "on_train_epoch_start", fail)
        with pytest.raises(SystemExit):
            train(*options, TOGETHER, out="together")
    together = folders(train(*options, TOGETHER, out="together"))
    assert together.keys() == alone.keys()
    assert len(alone) == 2
    for name, folder in together.items():
        assert (folder / "metrics.until_interruption1.csv").is_file()
        found, expected = result(folder), result(alone[name])
        steps = 6 * found["config"]["trainer"]["max_epochs"]
        assert found["timing"]["steps"] == expected["timing"]["steps"] == steps
        for split, scores in expected["scores"].items():
            assert found["scores"][split] == pytest.approx(scores, abs=1e-6)

"""Runs that train targets in another unit tell their scores in both."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import r2_score

from small_runs import SMALL_BERT, Command, result

RNG = np.random.default_rng(1)


@pytest.fixture(scope="module")
def gc_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A target that grows with GC content, over three orders of magnitude."""
    folder = tmp_path_factory.mktemp("gc")
    overrides = ["task=csv", "task.name=gc", "task.kind=regression"]
    for split, rows in (("train", 80), ("dev", 40), ("test", 40)):
        share = RNG.uniform(0.1, 0.9, rows)
        dna = [
            "".join(RNG.choice(list("GCAT"), 30, p=[s / 2] * 2 + [0.5 - s / 2] * 2)) for s in share
        ]
        values = [float(np.exp(8 * (s.count("G") + s.count("C")) / 30)) for s in dna]
        lines = [f"{s},{v:.4f}" for s, v in zip(dna, values, strict=True)]
        (folder / f"{split}.csv").write_text("\n".join(["sequence,label", *lines]))
        overrides.append(f"task.source.{split}={folder / split}.csv")
    return overrides


@pytest.mark.parametrize("method", [["method=baseline_onehot"], ["method=lora", *SMALL_BERT]])
def test_scores_in_both_units(train: Command, gc_files: list[str], method: list[str]) -> None:
    options = ["task.log_targets=true", "task.standardise_targets=true"]
    if method[0] == "method=lora":
        options.append("trainer.max_epochs=2")
    folder: Path = train(*method, *options, task=gc_files)
    record = result(folder)
    table = pq.read_table(folder / "test_predictions.parquet")
    label, score = table["label"].to_numpy(), table["score"].to_numpy()
    in_file, predicted = table["label_original"].to_numpy(), table["score_original"].to_numpy()
    told = record["data"]["targets"]
    mean, spread = told["mean"][0], told["spread"][0]
    # The file of predictions holds both units; the map of the record leads from one to the other.
    np.testing.assert_allclose(np.log(predicted), score * spread + mean)
    np.testing.assert_allclose(np.log(in_file), label * spread + mean, rtol=1e-4, atol=1e-5)
    scores = record["scores"]["test"]
    assert scores["r2"] == pytest.approx(r2_score(label, score), abs=1e-5)
    assert scores["r2_original"] == pytest.approx(r2_score(in_file, predicted), abs=1e-5)
    assert scores["spearman_original"] == pytest.approx(scores["spearman"], abs=1e-3)
    assert record["chosen"]["metric"] == "r2"
    assert set(record["scores"]["dev"]) == set(scores)
    if method[0] == "method=baseline_onehot":
        assert scores["r2"] > scores["r2_original"]  # linear in the logarithm, not in the value

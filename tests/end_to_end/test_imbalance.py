"""Rare classes through the command line: what is recorded, and what it does."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from dnaft.data.reader import read_csv
from dnaft.saved_run import load_model
from dnaft.tokenizers.kmer import KmerTokenizer
from small_runs import SMALL_BERT, Command, result

EPOCHS = [
    "method=linear_probe",
    "method.optimizer.lr=0.1",
    "data.batch_size=16",
    "data.eval_batch_size=5",
    "trainer.max_epochs=15",
    "trainer.check_val_every_n_epoch=15",  # the last checkpoint is the only one to choose from
]
POSITIVES = {"train": 8, "dev": 12, "test": 24}


@pytest.fixture
def rare(promoter_files: list[str], tmp_path: Path) -> list[str]:
    """The promoters with a few positives only: 8 of 56 training rows."""
    overrides = [o for o in promoter_files if not o.startswith("task.source.")]
    for override in promoter_files:
        if override.startswith("task.source."):
            key, _, path = override.partition("=")
            split = key.rpartition(".")[2]
            with open(path, newline="") as file:
                header, *rows = csv.reader(file)
            kept = [row for row in rows if row[1] == "0"]
            kept += [row for row in rows if row[1] == "1"][: POSITIVES[split]]
            with (tmp_path / f"{split}.csv").open("w", newline="") as file:
                csv.writer(file).writerows([header, *kept])
            overrides.append(f"{key}={tmp_path / split}.csv")
    return overrides


def mean_score(folder: Path) -> float:
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    return float(table["score"].to_numpy().mean())


def test_balanced_weights_are_recorded_and_heard(train: Command, rare: list[str]) -> None:
    plain = train(*EPOCHS, *SMALL_BERT, task=rare)
    assert result(plain)["training"]["class_weights"] is None
    weighted = train(*EPOCHS, *SMALL_BERT, "loss.class_weights=balanced", task=rare)
    found = result(weighted)
    labels = np.repeat([0, 1], [48, 8])
    expected = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)
    assert found["training"]["class_weights"] == pytest.approx(expected.tolist())
    assert found["config"]["loss"]["class_weights"] == "balanced"
    # One row in seven is positive: unweighted, the model learns to say so.
    assert mean_score(plain) + 0.1 < mean_score(weighted)


def test_the_dev_loss_is_the_weighted_one_of_the_whole_split(
    train: Command, rare: list[str]
) -> None:
    folder = train(*EPOCHS, *SMALL_BERT, "loss.class_weights=[1,6]", task=rare)
    backbone, record = load_model(folder)
    rows = read_csv(Path(record.config["task"]["source"]["dev"]), "sequence", ["label"])
    encoded = KmerTokenizer(k=record.config["tokenizer"]["k"]).encode(rows.sequences)
    ids = torch.tensor([row.tolist() for row in encoded])
    with torch.no_grad():
        p = backbone(ids, torch.ones_like(ids)).squeeze(1).double().sigmoid().numpy()
    labels = np.array([int(label) for label in rows.labels[0]])
    expected = log_loss(labels, p, sample_weight=np.where(labels == 1, 6, 1))
    curve = list(csv.DictReader((folder / "metrics.csv").open()))
    (logged,) = (float(line["dev/loss"]) for line in curve if line["dev/loss"])
    assert logged == pytest.approx(expected, rel=1e-5)


def test_focal_loss_and_smoothing_keep_scores_away_from_the_ends(
    train: Command, rare: list[str]
) -> None:
    """Both make a certain answer worth less than it is to the plain loss."""
    spread = {}
    for name, options in {
        "plain": [],
        "focal": ["loss.focal_gamma=2"],
        "smooth": ["loss.label_smoothing=0.4"],
    }.items():
        folder = train(*EPOCHS, *SMALL_BERT, *options, task=rare)
        table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
        spread[name] = float(np.abs(table["score"].to_numpy() - 0.5).mean())
    assert spread["plain"] > spread["focal"] + 0.05
    assert spread["plain"] > spread["smooth"] + 0.05

"""Linear baselines against scikit-learn on small cases and on a real benchmark."""

import csv
import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from sklearn.linear_model import LogisticRegression, Ridge

from dnaft.baselines.features import KmerCounts, PositionalOneHot
from dnaft.baselines.linear import BaselineFit, LinearBaseline
from dnaft.config import build
from dnaft.errors import InputError
from dnaft.metrics import Kind, build_metrics, to_floats

CONF = Path(__file__).parents[2] / "conf" / "method"


@pytest.fixture(autouse=True)
def _no_warning() -> Iterator[None]:
    """A fit that does not converge warns, and a warning fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def make_tables(kind: Kind, outputs: int, seed: int = 0) -> dict[str, Any]:
    """Random sequences whose labels follow the bases at the first positions."""
    draw = np.random.default_rng(seed)
    tables = {}
    for split, rows in (("train", 120), ("dev", 60), ("test", 40)):
        bases = draw.integers(0, 4, size=(rows, 10))
        signal = bases[:, :outputs] + draw.normal(size=(rows, outputs))
        labels = {
            "binary": (signal[:, 0] > 1.5).astype(np.float32),
            "multiclass": signal.argmax(axis=1),
            "multilabel": (signal > 1.5).astype(np.float32),
            "regression": (100 + 20 * signal).astype(np.float32),
        }[kind]
        sequences = ["".join("ACGT"[b] for b in row) for row in bases]
        tables[split] = SimpleNamespace(sequences=sequences, sequences_b=None, labels=labels)
    return tables


def one_hot(tables: Mapping[str, Any], split: str) -> np.ndarray:
    dense: np.ndarray = PositionalOneHot().transform(tables[split].sequences, 10).toarray()
    return dense


def score(fit: BaselineFit, split: str, kind: Kind, outputs: int) -> dict[str, float]:
    metrics = build_metrics(kind, outputs)
    labels = torch.as_tensor(fit.tables[split].labels)
    metrics.update(torch.from_numpy(fit.predict(split)), labels)
    return to_floats(metrics.compute())


def test_binary_equals_sklearn() -> None:
    tables = make_tables("binary", 1)
    fit = LinearBaseline(PositionalOneHot(), (4.0,)).fit(tables, "binary", 1, "mcc")
    direct = LogisticRegression(C=0.25, tol=1e-9, max_iter=10_000)
    direct.fit(one_hot(tables, "train"), tables["train"].labels)
    expected = direct.decision_function(one_hot(tables, "test"))
    assert fit.predict("test").shape == (40, 1)
    np.testing.assert_allclose(fit.predict("test")[:, 0], expected, atol=1e-3)
    assert fit.choice.weights.trainable == 41


@pytest.mark.parametrize("classes", [2, 3])
def test_multiclass_equals_sklearn(classes: int) -> None:
    tables = make_tables("multiclass", classes)
    fit = LinearBaseline(PositionalOneHot(), (2.0,)).fit(tables, "multiclass", classes, "mcc")
    direct = LogisticRegression(C=0.5, tol=1e-9, max_iter=10_000)
    direct.fit(one_hot(tables, "train"), tables["train"].labels)
    probability = torch.from_numpy(fit.predict("test")).softmax(dim=1).numpy()
    expected = direct.predict_proba(one_hot(tables, "test"))
    np.testing.assert_allclose(probability, expected, atol=1e-4)
    assert fit.choice.weights.trainable == (41 if classes == 2 else 123)


def test_multilabel_is_one_model_a_label() -> None:
    tables = make_tables("multilabel", 3)
    tables["train"].labels[:, 1] = 0
    fit = LinearBaseline(PositionalOneHot(), (1.0,)).fit(tables, "multilabel", 3, "auroc")
    found = fit.predict("test")
    direct = LogisticRegression(C=1.0, tol=1e-9, max_iter=10_000)
    direct.fit(one_hot(tables, "train"), tables["train"].labels[:, 2])
    expected = direct.decision_function(one_hot(tables, "test"))
    np.testing.assert_allclose(found[:, 2], expected, atol=1e-3)
    np.testing.assert_allclose(found[:, 1], math.log(0.5 / 120.5))  # never seen in train
    assert fit.choice.weights.trainable == 41 + 1 + 41


@pytest.mark.parametrize("outputs", [1, 2])
def test_regression_equals_sklearn(outputs: int) -> None:
    tables = make_tables("regression", outputs)
    if outputs == 1:
        for table in tables.values():
            table.labels = table.labels[:, 0]
    fit = LinearBaseline(PositionalOneHot(), (3.0,)).fit(tables, "regression", outputs, "r2")
    # Ridge with an intercept does not change when the targets are shifted and scaled.
    direct = Ridge(alpha=3.0, solver="cholesky")
    direct.fit(one_hot(tables, "train"), tables["train"].labels.astype(float))
    expected = direct.predict(one_hot(tables, "test")).reshape(40, outputs)
    np.testing.assert_allclose(fit.predict("test"), expected, rtol=1e-5)
    assert fit.choice.weights.trainable == 41 * outputs
    assert score(fit, "test", "regression", outputs)["r2"] > 0.3


def test_the_penalty_is_chosen_on_dev() -> None:
    tables = make_tables("binary", 1)
    penalties = (0.1, 1000.0, 10.0, 1.0, 100.0)
    fit = LinearBaseline(PositionalOneHot(), penalties).fit(tables, "binary", 1, "auroc")
    assert list(fit.choice.dev_scores) == sorted(penalties, reverse=True)
    assert fit.choice.dev_scores[fit.choice.penalty] == max(fit.choice.dev_scores.values())
    assert score(fit, "dev", "binary", 1)["auroc"] == fit.choice.dev_scores[fit.choice.penalty]
    alone = LinearBaseline(PositionalOneHot(), (fit.choice.penalty,)).fit(
        tables, "binary", 1, "auroc"
    )
    np.testing.assert_allclose(alone.predict("test"), fit.predict("test"), atol=1e-3)
    assert fit.choice.at_edge == (fit.choice.penalty in (0.1, 1000.0))
    assert not alone.choice.at_edge
    assert fit.seconds > 0


def test_of_equal_penalties_the_strongest_wins() -> None:
    tables = make_tables("binary", 1)
    tables["dev"].sequences[:] = ["N" * 10] * 60  # every prediction is the intercept
    fit = LinearBaseline(PositionalOneHot(), (1.0, 9.0, 3.0)).fit(tables, "binary", 1, "auroc")
    assert fit.choice.dev_scores == {9.0: 0.5, 3.0: 0.5, 1.0: 0.5}
    assert fit.choice.penalty == 9.0


def test_test_is_not_looked_at_before_it_is_asked_for() -> None:
    tables = make_tables("binary", 1)
    del tables["test"]
    LinearBaseline(KmerCounts(2), (1.0,)).fit(tables, "binary", 1, "mcc")


def test_longer_sequences_are_cut_and_counted() -> None:
    tables = make_tables("binary", 1)
    short = LinearBaseline(PositionalOneHot(), (1.0,)).fit(tables, "binary", 1, "mcc")
    expected = short.predict("test")
    tables["test"].sequences[3] += "ACGT"
    assert short.count_cut("test") == 1
    assert short.count_cut("train") == 0
    np.testing.assert_array_equal(short.predict("test"), expected)


def test_wrong_penalties() -> None:
    with pytest.raises(ValueError, match="penalties must name one number or more, got none"):
        LinearBaseline(KmerCounts(), ())
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="penalties must be above 0 and finite, got"):
            LinearBaseline(KmerCounts(), (1.0, wrong))


def test_wrong_arguments_of_fit() -> None:
    tables, model = make_tables("binary", 1), LinearBaseline(KmerCounts(2), (1.0,))
    with pytest.raises(ValueError, match="kind of task must be one of"):
        model.fit(tables, "ordinal", 1, "mcc")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"choose_by of a binary task must be one of .*got 'r2'"):
        model.fit(tables, "binary", 1, "r2")


def test_splits_without_a_class() -> None:
    model = LinearBaseline(KmerCounts(2), (1.0,))
    tables = make_tables("multiclass", 3)
    tables["train"].labels[tables["train"].labels == 1] = 0
    with pytest.raises(InputError, match="train has no row of class 1;"):
        model.fit(tables, "multiclass", 3, "mcc")
    tables = make_tables("binary", 1)
    tables["dev"].labels[:] = 1
    with pytest.raises(InputError, match="the dev split defines no auroc"):
        model.fit(tables, "binary", 1, "auroc")


@pytest.fixture(scope="module")
def prom_tata(shared_dir: Path) -> dict[str, Any]:
    folder = shared_dir / "data" / "GUE" / "prom" / "prom_300_tata"
    tables = {}
    for split in ("train", "dev", "test"):
        with (folder / f"{split}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        labels = np.array([int(row["label"]) for row in rows], dtype=np.float32)
        sequences = [row["sequence"] for row in rows]
        tables[split] = SimpleNamespace(sequences=sequences, sequences_b=None, labels=labels)
    return tables


def shipped_baseline(name: str) -> LinearBaseline:
    node = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    assert isinstance(node, dict)
    baseline: LinearBaseline = build(node["baseline"], "method.baseline")
    return baseline


@pytest.mark.parametrize(
    ("name", "mcc", "auroc", "trainable"),
    [
        ("baseline_onehot", (0.70, 0.76), (0.93, 0.95), 4 * 300 + 1),
        ("baseline_kmer", (0.39, 0.46), (0.76, 0.80), 4**6 + 1),
    ],
)
def test_prom_tata(
    prom_tata: dict[str, Any],
    name: str,
    mcc: tuple[float, float],
    auroc: tuple[float, float],
    trainable: int,
) -> None:
    fit = shipped_baseline(name).fit(prom_tata, "binary", 1, "mcc")
    found = score(fit, "test", "binary", 1)
    assert mcc[0] <= found["mcc"] <= mcc[1]
    assert auroc[0] <= found["auroc"] <= auroc[1]
    assert fit.choice.weights.trainable == trainable
    assert not fit.choice.at_edge
    assert fit.count_cut("test") == 0


def test_features_of_pairs_stand_side_by_side() -> None:
    tables = make_tables("binary", 1)
    for table in tables.values():
        table.sequences_b = [sequence[4:] for sequence in table.sequences]
        table.sequences = [sequence[:4] for sequence in table.sequences]
    fit = LinearBaseline(PositionalOneHot(), (4.0,)).fit(tables, "binary", 1, "mcc")
    whole = LinearBaseline(PositionalOneHot(), (4.0,)).fit(
        make_tables("binary", 1), "binary", 1, "mcc"
    )
    # The columns of bases 0 to 3, then those of bases 4 to 9.
    assert fit.lengths_bp == (4, 6)
    np.testing.assert_allclose(fit.predict("test"), whole.predict("test"), atol=1e-6)
    tables["test"].sequences_b[3] += "ACGT"
    tables["test"].sequences[5] += "A"
    assert fit.count_cut("test") == 2
    np.testing.assert_allclose(fit.predict("test"), whole.predict("test"), atol=1e-6)
    counts = LinearBaseline(KmerCounts(2), (4.0,)).fit(tables, "binary", 1, "mcc")
    assert counts.choice.weights.trainable == 2 * 16 + 1

"""Probes of one layer against scikit-learn's own standardisation and models."""

import csv
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dnaft.baselines.choice import Choice
from dnaft.baselines.estimators import Weights
from dnaft.baselines.layer_curve import (
    ProbedLayer,
    best_layer,
    describe_curve,
    name_states,
    write_curve,
)
from dnaft.baselines.layer_plot import plot_layers
from dnaft.baselines.layer_probe import LayerProbe
from dnaft.errors import InputError
from dnaft.metrics import Kind, default_metric, score

Floats = NDArray[np.float64]
WIDTH = 12


@pytest.fixture(autouse=True)
def _no_warning() -> Iterator[None]:
    """A fit that does not converge warns, and a warning fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def make(kind: Kind, outputs: int) -> tuple[list[Any], list[Floats]]:
    """Train and dev: features that hang together, of different size, and labels from them."""
    draw = np.random.default_rng(3)
    mix = draw.normal(size=(4, WIDTH)) * np.logspace(-2, 2, WIDTH)
    shift = draw.normal(size=WIDTH)
    features, labels = [], []
    for rows in (150, 70):
        cause = draw.normal(size=(rows, 4))
        features.append(shift + cause @ mix + 0.05 * draw.normal(size=(rows, WIDTH)) ** 3)
        signal = cause[:, :outputs] + 0.5 * draw.normal(size=(rows, outputs))
        labels.append(
            {
                "binary": (signal[:, 0] > 0.4).astype(float),
                "multiclass": signal.argmax(axis=1).astype(float),
                "multilabel": (signal > 0.4).astype(float),
                "regression": 50 + 9 * signal,
            }[kind]
        )
    return [part.astype(np.float32) for part in features], labels


def probe(kind: Kind, outputs: int, *penalties: float) -> tuple[Choice, list[Any], list[Floats]]:
    features, labels = make(kind, outputs)
    metric = default_metric(kind)
    choice = LayerProbe(penalties).fit(
        (features[0], features[1]), (labels[0], labels[1]), kind, outputs, metric
    )
    return choice, features, labels


def apply(choice: Choice, features: Any) -> Floats:
    return choice.weights.apply(features.astype(np.float64))


def test_binary_equals_scikit_learn() -> None:
    choice, features, labels = probe("binary", 1, 2.0)
    direct = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, tol=1e-9, max_iter=10_000))
    direct.fit(features[0].astype(np.float64), labels[0])
    want = direct.decision_function(features[1].astype(np.float64))
    np.testing.assert_allclose(apply(choice, features[1])[:, 0], want, atol=1e-4)
    assert choice.weights.trainable == WIDTH + 1


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_equal_scikit_learn(classes: int) -> None:
    choice, features, labels = probe("multiclass", classes, 0.2)
    direct = make_pipeline(StandardScaler(), LogisticRegression(C=5.0, tol=1e-9, max_iter=10_000))
    direct.fit(features[0].astype(np.float64), labels[0])
    found = torch.from_numpy(apply(choice, features[1])).softmax(dim=1).numpy()
    want = direct.predict_proba(features[1].astype(np.float64))
    np.testing.assert_allclose(found, want, atol=1e-4)
    assert choice.weights.trainable == (WIDTH + 1) * (1 if classes == 2 else 3)


def test_labels_are_probed_one_by_one() -> None:
    choice, features, labels = probe("multilabel", 3, 1.0)
    found = apply(choice, features[1])
    for label in range(3):
        direct = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-9, max_iter=10_000))
        direct.fit(features[0].astype(np.float64), labels[0][:, label])
        want = direct.decision_function(features[1].astype(np.float64))
        np.testing.assert_allclose(found[:, label], want, atol=1e-4)


@pytest.mark.parametrize("outputs", [1, 2])
def test_regression_equals_scikit_learn(outputs: int) -> None:
    choice, features, labels = probe("regression", outputs, 5.0)
    # A shift and a scale of the targets change nothing but the units.
    direct = make_pipeline(StandardScaler(), Ridge(alpha=5.0, solver="svd"))
    direct.fit(features[0].astype(np.float64), labels[0])
    want = direct.predict(features[1].astype(np.float64)).reshape(-1, outputs)
    np.testing.assert_allclose(apply(choice, features[1]), want, rtol=1e-6)


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_dev_chooses_the_penalty(kind: Kind) -> None:
    penalties = (0.01, 10.0, 1000.0, 1.0)
    choice, features, labels = probe(kind, 1, *penalties)
    assert list(choice.dev_scores) == sorted(penalties, reverse=True)
    assert choice.dev_scores[choice.penalty] == max(choice.dev_scores.values())
    assert len(set(choice.dev_scores.values())) > 1
    logits, wanted = torch.from_numpy(apply(choice, features[1])), torch.from_numpy(labels[1])
    found = score(kind, 1, logits, wanted)[default_metric(kind)]
    assert found == pytest.approx(choice.dev_scores[choice.penalty], abs=1e-9)


def test_what_varies_by_rounding_alone_is_left_out() -> None:
    """[CLS] in front of the first layer is the same in each row, but for the last digits.

    These depend on the size of the batch, and so can tell classes that lie in different batches.
    """
    features, labels = make("binary", 1)
    for part, truth in zip(features, labels, strict=True):
        part[:] = 1.7
        part[:, 0] += (1e-7 * truth).astype(np.float32)
        part[:, 1] = 0.0
    assert features[0][:, 0].std() > 0
    choice = LayerProbe((0.001,)).fit(
        (features[0], features[1]), (labels[0], labels[1]), "binary", 1, "auroc"
    )
    assert not choice.weights.coefficients.any()
    assert choice.dev_scores == {0.001: 0.5}
    share = labels[0].mean()
    assert choice.weights.intercepts[0] == pytest.approx(np.log(share / (1 - share)), abs=1e-4)


def test_small_features_beside_large_ones_count() -> None:
    """Hidden states have a few channels that are far larger than all others."""
    features, labels = make("binary", 1)
    for part, truth in zip(features, labels, strict=True):
        part[:] = 300.0
        part[:, 1] = 0.01 * (truth - 0.5)
    choice = LayerProbe((1.0,)).fit(
        (features[0], features[1]), (labels[0], labels[1]), "binary", 1, "mcc"
    )
    assert choice.dev_scores == {1.0: 1.0}


def test_a_layer_whose_score_is_not_defined_is_passed_over() -> None:
    """Equal predictions have no correlation; the strongest penalty stands for the layer."""
    features, labels = make("regression", 1)
    still = np.ones_like(features[0]), np.ones_like(features[1])
    layers = [still, (features[0], features[1])]
    fit = LayerProbe((1.0, 10.0)).fit
    pair = labels[0], labels[1]
    choices = [fit(layer, pair, "regression", 1, "spearman") for layer in layers]
    assert [choice.defined for choice in choices] == [False, True]
    assert choices[0].penalty == 10.0
    curve = [
        row(number, c.dev_scores[c.penalty], 0.5, "spearman") for number, c in enumerate(choices)
    ]
    best = best_layer(curve, "spearman")
    assert best is not None
    assert best.layer == 1
    assert best_layer(curve[:1], "spearman") is None


def test_wrong_penalties_and_missing_classes() -> None:
    with pytest.raises(ValueError, match="penalties must name one number or more, got none"):
        LayerProbe(())
    with pytest.raises(ValueError, match=r"penalties must be above 0 and finite, got -1\.0"):
        LayerProbe((1.0, -1.0))
    features, labels = make("multiclass", 3)
    labels[0][labels[0] == 1] = 0
    with pytest.raises(InputError, match="train has no row of class 1;"):
        LayerProbe((1.0,)).fit(
            (features[0], features[1]), (labels[0], labels[1]), "multiclass", 3, "mcc"
        )


def row(layer: int, dev: float, test: float, metric: str = "mcc") -> ProbedLayer:
    weights = Weights(np.zeros((1, 4)), np.zeros(1), 5)
    choice = Choice(weights, 10.0, {10.0: dev})
    scores = {"dev": {metric: dev, "auroc": 0.5}, "test": {metric: test, "auroc": 0.25}}
    return ProbedLayer(layer, name_states(4)[layer], 4, choice, scores)


CURVE = [row(0, 0.1, 0.9), row(1, 0.4, 0.3), row(2, 0.4, 0.8), row(3, float("nan"), 0.2)]


def test_dev_chooses_the_layer_and_of_equals_the_lowest() -> None:
    best = best_layer(CURVE, "mcc")
    assert best is CURVE[1]


def test_the_curve_as_a_file_and_as_a_table(tmp_path: Path) -> None:
    write_curve(tmp_path / "layers.csv", CURVE)
    lines = list(csv.DictReader((tmp_path / "layers.csv").read_text().splitlines()))
    assert list(lines[0]) == [
        "layer", "state", "width", "penalty", "dev_mcc", "dev_auroc", "test_mcc", "test_auroc",
    ]  # fmt: skip
    assert [float(line["test_mcc"]) for line in lines] == [0.9, 0.3, 0.8, 0.2]
    assert lines[3]["dev_mcc"] == "nan"
    assert describe_curve(CURVE, 1, "mcc").splitlines() == [
        "| layer | state             | width | penalty | dev mcc | test mcc |",
        "| ----- | ----------------- | ----: | ------: | ------: | -------: |",
        "| 0     | enters layer 1    |     4 |      10 |  0.1000 |   0.9000 |",
        "| 1 *   | leaves layer 1    |     4 |      10 |  0.4000 |   0.3000 |",
        "| 2     | leaves layer 2    |     4 |      10 |  0.4000 |   0.8000 |",
        "| 3     | last hidden state |     4 |      10 |     nan |   0.2000 |",
    ]


def test_the_plot_shows_the_scores(tmp_path: Path) -> None:
    plot_layers(CURVE, 1, "mcc", tmp_path / "a.png")
    plot_layers([*CURVE[:2], row(2, 0.9, 0.8)], 2, "mcc", tmp_path / "b.png")
    first, second = (imread(tmp_path / name) for name in ("a.png", "b.png"))
    assert first.shape[0] > 300
    assert first.shape[1] > 500
    assert first.std() > 0.05
    assert first.shape != second.shape or np.abs(first - second).max() > 0.5
    with pytest.raises(ValueError, match="there is no layer"):
        plot_layers([], 0, "mcc", tmp_path / "c.png")

"""Scores against scikit-learn and SciPy, on inputs that trip float32 and thresholds."""

import math
import pickle
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from sklearn import metrics as sk

from dnaft import scores as formulas
from dnaft.metrics import Kind, build_metrics, default_metric, to_floats, to_scores

SHAPES = ["random", "ties", "saturated", "near_equal", "one_sided"]


def score(kind: Kind, logits: object, labels: object, batch: int = 7) -> dict[str, float]:
    """Hand the rows over batch by batch, as a trainer does."""
    logits, labels = torch.as_tensor(logits), torch.as_tensor(labels)
    outputs = 1 if logits.ndim == 1 else logits.shape[1]
    collection = build_metrics(kind, outputs)
    for start in range(0, len(logits), batch):
        collection.update(logits[start : start + batch], labels[start : start + batch])
    return to_floats(collection.compute())


def make_logits(shape: str, size: tuple[int, ...], seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed).normal(size=size)
    if shape == "ties":
        draw = np.round(draw)
    elif shape == "saturated":
        draw = np.clip(draw * 200, -50, 50)
    elif shape == "near_equal":  # equal as float32 probabilities, not as float32 logits
        draw = 17 + draw / 1000
    elif shape == "one_sided":  # all inside [0, 1]: logits that look like probabilities
        draw = np.abs(draw) / (1 + np.abs(draw))
    return draw.astype(np.float32)


def sklearn_binary(probability: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    decided = probability > 0.5
    return {
        "mcc": sk.matthews_corrcoef(labels, decided),
        "auroc": sk.roc_auc_score(labels, probability),
        "auprc": sk.average_precision_score(labels, probability),
        "accuracy": sk.accuracy_score(labels, decided),
        "f1_macro": sk.f1_score(labels, decided, average="macro", zero_division=0),
    }


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [2, 3, 10, 613])
def test_binary_equals_sklearn(shape: str, rows: int) -> None:
    logits = make_logits(shape, (rows,))
    labels = np.random.default_rng(1).permutation(np.arange(rows) % 2).astype(np.float32)
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    expected = sklearn_binary(probability, labels)
    found = score("binary", logits, labels)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_binary_by_pencil() -> None:
    # Ranks 1 2.5 2.5 4: the positives rank 2.5 and 4; auroc (6.5 - 3) / 4. TP 2, FP 1, TN 1, FN 0.
    found = score("binary", [-1.0, 1.0, 1.0, 2.0], [0.0, 0.0, 1.0, 1.0])
    assert found["auroc"] == 0.875
    assert found["auprc"] == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert found["accuracy"] == 0.75
    assert found["mcc"] == pytest.approx(2 / math.sqrt(3 * 2 * 2 * 1))
    assert found["f1_macro"] == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_logit_zero_is_a_negative_decision() -> None:
    assert score("binary", [0.0, 1e-6], [0.0, 1.0])["accuracy"] == 1.0


def test_column_of_logits_and_half_precision() -> None:
    labels = torch.tensor([0.0, 1.0, 1.0, 0.0])
    logits = torch.tensor([[-1.0], [0.5], [2.0], [1.0]], dtype=torch.bfloat16)
    assert score("binary", logits, labels) == score("binary", logits[:, 0].float(), labels)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_only(label: float) -> None:
    found = score("binary", [-1.0, 2.0, 0.5], [label] * 3)
    assert math.isnan(found["auroc"])
    assert math.isnan(found["auprc"])
    assert found["mcc"] == 0.0
    assert found["accuracy"] == pytest.approx(2 / 3 if label else 1 / 3)


def test_all_equal_predictions() -> None:
    found = score("binary", [3.0] * 4, [0.0, 1.0, 1.0, 1.0])
    assert found["auroc"] == 0.5
    assert found["auprc"] == 0.75
    assert found["mcc"] == 0.0
    assert found["f1_macro"] == pytest.approx(3 / 7)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_prediction_that_is_not_finite_spoils_every_score(wrong: float) -> None:
    assert all(math.isnan(v) for v in score("binary", [1.0, wrong], [1.0, 0.0]).values())
    assert all(math.isnan(v) for v in score("regression", [1.0, wrong], [1.0, 0.0]).values())


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_rows_is_nan() -> None:
    assert all(math.isnan(v) for v in to_floats(build_metrics("binary", 1).compute()).values())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_multiclass_equals_sklearn(shape: str, classes: int) -> None:
    logits = make_logits(shape, (97, classes))
    labels = np.random.default_rng(2).permutation(np.arange(97) % classes)
    p = torch.tensor(logits).double().softmax(1).numpy()
    one_hot = np.eye(classes)[labels]
    chosen = p.argmax(1)
    expected = {
        "mcc": sk.matthews_corrcoef(labels, chosen),
        "auroc": sk.roc_auc_score(one_hot, p, average="macro"),
        "auprc": sk.average_precision_score(one_hot, p, average="macro"),
        "accuracy": sk.accuracy_score(labels, chosen),
        "f1_macro": sk.f1_score(labels, chosen, average="macro", zero_division=0),
    }
    found = score("multiclass", logits, labels)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_multiclass_areas_leave_out_a_class_without_rows() -> None:
    logits = np.array([[2.0, 1, 0], [0, 1, 2], [1, 2, 0]], dtype=np.float32)
    labels = np.array([0, 1, 1])
    p = torch.tensor(logits).double().softmax(1).numpy()
    expected = np.mean([sk.roc_auc_score(labels == c, p[:, c]) for c in (0, 1)])
    assert score("multiclass", logits, labels)["auroc"] == pytest.approx(expected, abs=1e-6)
    assert math.isnan(score("multiclass", logits, [1, 1, 1])["auroc"])


def test_multilabel_is_the_mean_over_labels_with_both_values() -> None:
    logits = make_logits("ties", (50, 5))
    labels = (np.random.default_rng(3).random((50, 5)) < 0.2).astype(np.float32)
    labels[:, 1], labels[:, 3] = 0, 1
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    scored = [0, 2, 4]
    each = [sklearn_binary(p[:, j], labels[:, j]) for j in scored]
    found = score("multilabel", logits, labels)
    for name in ("mcc", "auroc", "auprc", "accuracy"):
        assert found[name] == pytest.approx(np.mean([e[name] for e in each]), abs=1e-6), name
    f1 = sk.f1_score(labels[:, scored], p[:, scored] > 0.5, average="macro", zero_division=0)
    assert found["f1_macro"] == pytest.approx(f1, abs=1e-6)
    assert found["n_labels_scored"] == 3.0


def test_multilabel_without_a_scorable_label() -> None:
    found = score("multilabel", np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32))
    assert found.pop("n_labels_scored") == 0.0
    assert all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("outputs", [1, 3])
def test_regression_equals_sklearn_and_scipy(shape: str, outputs: int) -> None:
    predicted = make_logits(shape, (60, outputs))
    labels = np.round(make_logits("random", (60, outputs), seed=4) * 3)
    columns = list(zip(predicted.T.astype(float), labels.T.astype(float), strict=True))
    found = score("regression", predicted, labels)
    expected = {
        "r2": sk.r2_score(labels.astype(float), predicted.astype(float)),
        "pearson_r2": np.mean([stats.pearsonr(p, y)[0] ** 2 for p, y in columns]),
        "spearman": np.mean([stats.spearmanr(p, y)[0] for p, y in columns]),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-6), name


def test_regression_without_variation() -> None:
    constant = score("regression", [0.1] * 5, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert constant["r2"] == pytest.approx(1 - (5 * 2.9**2 + 10) / 10, abs=1e-6)
    assert math.isnan(constant["pearson_r2"])
    assert math.isnan(constant["spearman"])
    assert all(math.isnan(v) for v in score("regression", [1.0, 2.0], [3.0, 3.0]).values())
    assert all(math.isnan(v) for v in score("regression", [1.0], [3.0]).values())


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_areas_equal_sklearn_on_any_ties(rows: list[tuple[int, bool]]) -> None:
    scores = torch.tensor([float(s) for s, _ in rows], dtype=torch.float64)
    labels = torch.tensor([y for _, y in rows])
    area, precision = formulas.auroc(scores, labels), formulas.auprc(scores, labels)
    if len(set(labels.tolist())) == 1:
        assert math.isnan(area)
        assert math.isnan(precision)
    else:
        assert_allclose(area, sk.roc_auc_score(labels, scores), atol=1e-6)
        assert_allclose(precision, sk.average_precision_score(labels, scores), atol=1e-6)


@given(st.integers(1, 9), st.integers(0, 1000))
def test_scores_do_not_depend_on_the_batches(batch: int, seed: int) -> None:
    logits = make_logits("ties", (20,), seed)
    labels = (np.arange(20) % 2).astype(np.float32)
    assert score("binary", logits, labels, batch) == score("binary", logits, labels, 20)


def test_rows_are_kept_once_and_forgotten_on_reset() -> None:
    collection = build_metrics("binary", 1).clone(prefix="dev/")
    logits, labels = torch.tensor([1.0, -1.0]), torch.tensor([1.0, 0.0])
    collection.update(logits, labels)
    assert len({id(metric.logits) for metric in collection.values(copy_state=False)}) == 1
    assert to_floats(collection.compute())["dev/mcc"] == 1.0
    collection.reset()
    collection.update(logits, 1 - labels)
    assert to_floats(collection.compute())["dev/mcc"] == -1.0


def test_collection_survives_pickling() -> None:
    collection = build_metrics("regression", 2)
    rows = torch.arange(6.0).reshape(3, 2)
    collection.update(rows, rows)
    assert to_floats(pickle.loads(pickle.dumps(collection)).compute())["r2"] == 1.0


def test_nothing_warns_on_degenerate_input() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score("binary", [1.0, 1.0], [1.0, 1.0])
        score("multiclass", [[1.0, 0.0]], [0])
        score("regression", [1.0], [1.0])


def test_to_scores() -> None:
    assert to_scores("binary", torch.tensor([[0.0], [50.0]])).tolist() == [0.5, 1.0]
    assert to_scores("multiclass", torch.zeros(2, 4)).sum(1).tolist() == [1.0, 1.0]
    assert to_scores("regression", torch.tensor([3.0], dtype=torch.float16)).tolist() == [3.0]
    assert to_scores("multilabel", torch.zeros(1, 3)).dtype == torch.float64


def test_default_metric() -> None:
    kinds: list[Kind] = ["binary", "multiclass", "multilabel", "regression"]
    assert [default_metric(kind) for kind in kinds] == ["mcc", "mcc", "auroc", "r2"]
    for kind in kinds:
        assert default_metric(kind) in build_metrics(kind, 1 if kind == "binary" else 3)


@pytest.mark.parametrize(
    ("kind", "outputs", "message"),
    [
        ("ordinal", 1, "kind of task must be one of binary, multiclass, .* got 'ordinal'"),
        ("binary", 2, "a binary task has 1 output, got 2; use kind multiclass"),
        ("multiclass", 1, "outputs of a multiclass task must be 2 or more, got 1"),
        ("regression", 0, "outputs of a regression task must be 1 or more, got 0"),
    ],
)
def test_wrong_kind_or_outputs(kind: Kind, outputs: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_metrics(kind, outputs)


def test_wrong_shapes_and_labels() -> None:
    with pytest.raises(ValueError, match=r"logits of shape \(2, 2\) do not fit labels of shape"):
        build_metrics("binary", 1).update(torch.zeros(2, 2), torch.zeros(2))
    with pytest.raises(ValueError, match=r"labels of a multiclass task must be 0\.\.2"):
        score("multiclass", np.zeros((2, 3), np.float32), [0, 3])
    with pytest.raises(ValueError, match="labels of a regression task must be finite"):
        score("regression", [1.0, 2.0], [1.0, math.nan])

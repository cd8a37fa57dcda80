"""Losses against scikit-learn, torch, a slow definition in float64, and the numbers of papers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn import functional

from dnaft.losses import LossSettings, TaskLoss, balanced_weights, task_loss
from dnaft.metrics import Kind

ROWS = 40
# name: kind, outputs, weights
CASES: dict[str, tuple[Kind, int, list[float]]] = {
    "binary": ("binary", 1, [0.6, 3.0]),
    "multiclass": ("multiclass", 4, [1.0, 0.5, 2.0, 7.0]),
    "multilabel": ("multilabel", 3, [4.0, 0.25, 1.0]),
}


def example(name: str, seed: int = 1, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    kind, outputs, _ = CASES[name]
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(ROWS, outputs, generator=generator)
    shape = (ROWS, outputs) if kind == "multilabel" else (ROWS,)
    labels = torch.randint(outputs if kind == "multiclass" else 2, shape, generator=generator)
    return logits, labels if kind == "multiclass" else labels.float()


def loss_of(name: str, weighted: bool, gamma: float = 0.0, smoothing: float = 0.0) -> TaskLoss:
    kind, _, weights = CASES[name]
    given_weights = torch.tensor(weights) if weighted else None
    return TaskLoss(kind, given_weights, gamma, smoothing)


def by_definition(
    name: str, logits: Tensor, labels: Tensor, weighted: bool, gamma: float, smoothing: float
) -> float:
    """The docstring of TaskLoss, decision by decision, in Python's floats."""
    kind, _, weights = CASES[name]
    total = divisor = 0.0
    for row, values in enumerate(logits.tolist()):
        decisions: list[tuple[Sequence[float], int, Sequence[float]]] = []
        if kind == "multiclass":
            decisions = [(values, int(labels[row]), weights)]
        elif kind == "binary":
            decisions = [([0.0, values[0]], int(labels[row]), weights)]
        else:
            decisions = [
                ([0.0, z], int(labels[row, j]), [1.0, weights[j]]) for j, z in enumerate(values)
            ]
        for z, y, w in decisions:
            used = w if weighted else [1.0] * len(z)
            powers = [math.exp(v - max(z)) for v in z]
            p = [power / math.fsum(powers) for power in powers]
            for c in range(len(z)):
                q = (1 - smoothing) * (c == y) + smoothing / len(z)
                total += used[c] * q * (1 - p[c]) ** gamma * -math.log(p[c])
            divisor += 1.0 if kind == "multilabel" else used[y]
    return total / divisor


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_by_definition(name: str, weighted: bool, gamma: float, smoothing: float) -> None:
    logits, labels = example(name)
    expected = by_definition(name, logits.double(), labels, weighted, gamma, smoothing)
    found = loss_of(name, weighted, gamma, smoothing)(logits, labels)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["binary", "multiclass"])
def test_weights_are_scikit_learns_sample_weights(name: str, weighted: bool) -> None:
    logits, labels = example(name)
    _, outputs, weights = CASES[name]
    classes = labels.long().numpy()
    if name == "binary":
        p = logits[:, 0].double().sigmoid()
        probabilities = torch.stack([1 - p, p], dim=1).numpy()
    else:
        probabilities = logits.double().softmax(dim=1).numpy()
    rows = np.array(weights)[classes] if weighted else None
    expected = log_loss(classes, probabilities, sample_weight=rows, labels=range(max(2, outputs)))
    assert float(loss_of(name, weighted)(logits, labels)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_torchs_own_losses(smoothing: float) -> None:
    logits, labels = example("multiclass")
    weights = torch.tensor(CASES["multiclass"][2])
    theirs = functional.cross_entropy(logits, labels, weights, label_smoothing=smoothing)
    ours = loss_of("multiclass", True, smoothing=smoothing)(logits, labels)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)
    logits, labels = example("multilabel")
    per_label = torch.tensor(CASES["multilabel"][2])
    theirs = functional.binary_cross_entropy_with_logits(logits, labels, pos_weight=per_label)
    torch.testing.assert_close(loss_of("multilabel", True)(logits, labels), theirs)


@given(
    z=st.lists(st.floats(-20, 20), min_size=1, max_size=8),
    gamma=st.floats(0, 5),
    smoothing=st.floats(0, 0.9),
    weights=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
    seed=st.integers(0, 99),
)
@settings(max_examples=50, deadline=None)
def test_a_binary_task_is_one_of_two_classes(
    z: list[float], gamma: float, smoothing: float, weights: tuple[float, float], seed: int
) -> None:
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, 2, len(z)))
    logits = torch.tensor(z).reshape(-1, 1)
    both = torch.cat([torch.zeros_like(logits), logits], dim=1)
    one = TaskLoss("binary", torch.tensor(weights), gamma, smoothing)(logits, labels.float())
    two = TaskLoss("multiclass", torch.tensor(weights), gamma, smoothing)(both, labels)
    torch.testing.assert_close(one, two, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("p", "times"), [(0.9, 100), (0.968, 1000)])
def test_the_papers_example(p: float, times: float) -> None:
    """Lin et al. 2017, Section 3.2: with gamma 2, p_t 0.9 costs 100 and 0.968 1,000 times less."""
    logits, labels = torch.tensor([[math.log(p / (1 - p))]]), torch.ones(1)
    plain, focal = (TaskLoss("binary", None, gamma)(logits, labels) for gamma in (0.0, 2.0))
    assert float(plain / focal) == pytest.approx(times, rel=0.03)


@pytest.mark.parametrize("name", CASES)
def test_slopes_are_those_of_the_definition(name: str) -> None:
    logits, labels = example(name)
    logits.requires_grad_()
    loss_of(name, True, 1.5, 0.1)(logits, labels).backward()
    assert logits.grad is not None
    step, exact = 1e-6, logits.detach().double()
    for row, column in ((0, 0), (7, -1), (ROWS - 1, 0)):
        ends = []
        for sign in (1, -1):
            moved = exact.clone()
            moved[row, column] += sign * step
            ends.append(by_definition(name, moved, labels, True, 1.5, 0.1))
        slope = (ends[0] - ends[1]) / (2 * step)
        assert float(logits.grad[row, column]) == pytest.approx(slope, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_slopes_of_certain_predictions_are_finite(name: str) -> None:
    logits, labels = example(name, scale=200.0)
    logits = logits.requires_grad_()
    loss_of(name, True, 0.5, 0.1)(logits, labels).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", CASES)
def test_batches_put_together_are_the_split(name: str) -> None:
    """The dev loss is a mean over batches, each with its `count`."""
    logits, labels = example(name)
    loss = loss_of(name, True, 2.0, 0.1)
    parts = list(zip(logits.split(7), labels.split(7), strict=True))
    counts = [float(loss.count(y)) for _, y in parts]
    mean = np.average([float(loss(z, y)) for z, y in parts], weights=counts)
    assert mean == pytest.approx(float(loss(logits, labels)), rel=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_by_default_it_is_the_plain_loss(kind: Kind) -> None:
    logits, labels = example("multilabel" if kind == "regression" else kind)
    _, outputs, _ = CASES.get(kind, CASES["multilabel"])
    loss = LossSettings().build(kind, outputs, labels)
    assert loss.is_plain
    assert torch.equal(loss(logits, labels), task_loss(kind, logits, labels))
    assert float(loss.count(labels)) == labels.numel()


@pytest.mark.parametrize("counts", [[90, 10], [5, 5], [1, 2, 40, 7]])
def test_balanced_weights_are_scikit_learns(counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    kind: Kind = "binary" if len(counts) == 2 else "multiclass"
    found = LossSettings("balanced").build(kind, 1 if kind == "binary" else len(counts), labels)
    assert found.class_weights == pytest.approx(expected.tolist(), rel=1e-15)


def test_balanced_labels() -> None:
    """3 of 12, all and none of the rows have the label: 9 / 3, and nothing to balance."""
    labels = torch.zeros(12, 3)
    labels[:3, 0] = 1
    labels[:, 1] = 1
    assert balanced_weights("multilabel", 3, labels).tolist() == [3.0, 1.0, 1.0]


def test_weights_move_with_the_module_and_stay_out_of_checkpoints() -> None:
    loss = loss_of("binary", True)
    assert loss.state_dict() == {}
    assert loss.to(torch.device("meta")).pair_weights.device.type == "meta"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weights": (1.0, 0.0)}, r"class_weights must be finite and above 0, got \[1.0, 0"),
        ({"class_weights": (1.0, math.inf)}, "class_weights must be finite"),
        ({"focal_gamma": -1.0}, "focal_gamma must be 0 or more, got -1.0"),
        ({"label_smoothing": 1.0}, r"label_smoothing must lie in \[0, 1\), got 1.0"),
    ],
)
def test_numbers_out_of_their_domain(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LossSettings(**options)


@pytest.mark.parametrize(
    ("kind", "outputs", "options", "message"),
    [
        ("regression", 1, {"class_weights": "balanced"}, "are for classes, and the task is a reg"),
        ("regression", 1, {"focal_gamma": 2.0}, "are for classes"),
        ("regression", 1, {"label_smoothing": 0.1}, "are for classes"),
        ("binary", 1, {"class_weights": (1.0,)}, "has 1 numbers and the task 2 classes"),
        ("multiclass", 3, {"class_weights": (1.0, 2.0)}, "has 2 numbers and the task 3 classes"),
        ("multilabel", 3, {"class_weights": (1.0, 2.0)}, "has 2 numbers and the task 3 labels"),
    ],
)
def test_what_does_not_fit_the_task(
    kind: Kind, outputs: int, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LossSettings(**options).build(kind, outputs, np.zeros(3))

import copy
from typing import Any

import pytest
import torch
from operation_counts import Calls

from dnaft.ranks.importance import Importance
from dnaft.ranks.orthogonality import orthogonality_penalty
from dnaft.ranks.triplet import TripletGroup


def test_two_steps_by_pencil() -> None:
    """One triplet, P = (2, 4)^T, lambda = 3, Q = (1, 5); betas 1/2, gradients 1 then 3.

    Step 1: I = w, Ibar = w/2, Ubar = w/2. Step 2: I = 3w, Ibar = w/4 + 3w/2 = 7w/4,
    Ubar = w/4 + |3w - w/2| / 2 = 3w/2, so s = 21 w^2 / 8.
    Score: 21/8 * (9 + (4 + 16)/2 + (1 + 25)/2) = 21/8 * 32 = 84.
    """
    weights = [
        torch.tensor([[2.0], [4.0]]),
        torch.tensor([[3.0]]),
        torch.tensor([[1.0, 5.0]]),
    ]
    importance = Importance(0.5, 0.5)
    for gradient in (1.0, 3.0):
        importance.update(weights, [torch.full_like(w, gradient) for w in weights])
    assert importance.scores()[0].tolist() == [84.0]


def test_a_missing_gradient_counts_as_zero() -> None:
    weights = [torch.ones(2, 1), torch.ones(1, 1), torch.ones(1, 2)]
    importance = Importance(0.5, 0.5)
    importance.update(weights, [None, None, None])
    assert importance.scores()[0].tolist() == [0.0]


def test_beta_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"beta2 must lie in \[0, 1\), got 1"):
        Importance(0.85, 1.0)


def test_orthonormal_vectors_cost_nothing_and_zeros_cost_their_rank() -> None:
    q = torch.linalg.qr(torch.randn(8, 3, dtype=torch.float64)).Q
    assert orthogonality_penalty([TripletGroup("a", q, torch.ones(3), q.mT)]).item() < 1e-24
    zeros = TripletGroup("b", torch.zeros(8, 3), torch.ones(3), torch.zeros(3, 5))
    assert orthogonality_penalty([zeros]).item() == 3.0  # ||0 - I||_F^2 of a 3 x 3 identity


def test_averages_of_half_precision_weights_do_not_underflow() -> None:
    """|w grad| is 1e-4 for one triplet and 2e-4 for the other; in float16 both squares are 0."""
    importance = Importance(0.5, 0.5)
    shapes = [(3, 2), (2,), (2, 4)]
    weights = [torch.full(shape, 1e-2, dtype=torch.float16) for shape in shapes]
    factors = [torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [2.0]])]
    gradients = [w * factor.half() for w, factor in zip(weights, factors, strict=True)]
    for _ in range(3):
        importance.update(weights, gradients)
    one, two = importance.scores()[0].tolist()
    assert 0 < one
    assert two == pytest.approx(4 * one, rel=1e-2)


def weights_of(matrices: int) -> list[torch.Tensor]:
    shapes = [(7, 2), (2, 1), (2, 5)] * matrices
    return [torch.randn(shape) for shape in shapes]


@pytest.mark.parametrize("uncertainty", ["previous", "updated"])
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_gradient_that_is_not_finite_changes_nothing(uncertainty: Any, bad: float) -> None:
    importance = Importance(0.85, 0.7, uncertainty)
    weights = weights_of(2)
    broken: list[torch.Tensor | None] = [torch.randn_like(w) for w in weights]
    broken[4] = torch.full_like(weights[4], bad)
    importance.update(weights, broken)
    assert not importance.ready
    assert importance.state_dict() == {"sensitivities": [], "uncertainties": []}
    for _ in range(2):
        importance.update(weights, [torch.randn_like(w) for w in weights])
    assert importance.ready
    before = copy.deepcopy(importance.state_dict())
    importance.update(weights, broken)
    for name, averages in importance.state_dict().items():
        for average, old in zip(averages, before[name], strict=True):
            assert torch.equal(average, old)


def test_averages_put_back_go_on_bit_for_bit() -> None:
    weights = weights_of(3)
    steps = [[torch.randn_like(w) for w in weights] for _ in range(4)]
    whole, first, rest = (Importance(0.85, 0.7) for _ in range(3))
    for gradients in steps:
        whole.update(weights, gradients)
    for gradients in steps[:2]:
        first.update(weights, gradients)
    # As a checkpoint holds them: tensors of their own.
    saved = {name: [a.clone() for a in parts] for name, parts in first.state_dict().items()}
    rest.load_state_dict(saved, weights)
    assert rest.ready
    for gradients in steps[2:]:
        rest.update(weights, gradients)
    for one, other in zip(whole.scores(), rest.scores(), strict=True):
        assert torch.equal(one, other)
    rest.forget()
    assert not rest.ready


@pytest.mark.parametrize("uncertainty", ["previous", "updated"])
def test_a_step_reads_nothing_back_and_takes_as_many_operations_for_any_model(
    uncertainty: Any,
) -> None:
    counted = []
    for matrices in (1, 50):
        importance, weights = Importance(0.85, 0.85, uncertainty), weights_of(matrices)
        gradients = [torch.randn_like(w) for w in weights]
        importance.update(weights, gradients)
        with Calls() as calls:
            importance.update(weights, gradients)
        # What a GPU has to be waited for: `.item()`, `bool()`, and indices of unknown number.
        assert not calls.counts.keys() & {"_local_scalar_dense", "nonzero", "equal", "is_nonzero"}
        counted.append(calls.counts)
    assert counted[0] == counted[1]
    assert counted[0].total() < 25

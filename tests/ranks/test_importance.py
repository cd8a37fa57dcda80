import pytest
import torch

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

"""A frozen matrix with its low-rank update, in float64 against plain matrices and differences."""

import pytest
import torch
from scipy import stats
from torch.autograd import gradcheck

from dnaft.methods.adapted_linear import adapted_linear


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def frozen(*shape: int) -> torch.Tensor:
    return drawn(*shape).detach()


@pytest.mark.parametrize("shape", [(5, 6), (2, 3, 6)])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_value_is_that_of_plain_matrices(
    shape: tuple[int, ...], biased: bool, scaled: bool
) -> None:
    torch.manual_seed(0)
    x, weight, right, left = drawn(*shape), frozen(4, 6), drawn(3, 6), drawn(4, 3)
    bias = frozen(4) if biased else None
    magnitude = drawn(4) if scaled else None
    matrix = weight + 0.7 * left @ right
    expected = x @ (matrix if magnitude is None else magnitude[:, None] * matrix).T
    expected = expected if bias is None else expected + bias
    found = adapted_linear(x, weight, bias, right, left, 0.7, magnitude=magnitude)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_gradients_are_those_of_finite_differences(
    dropout: float, biased: bool, scaled: bool
) -> None:
    torch.manual_seed(0)
    weight, bias = frozen(4, 6), frozen(4) if biased else None

    def compute(
        x: torch.Tensor,
        right: torch.Tensor,
        left: torch.Tensor,
        magnitude: torch.Tensor | None = None,
    ) -> torch.Tensor:
        torch.manual_seed(1)  # drops the same entries each time
        return adapted_linear(x, weight, bias, right, left, 0.7, dropout, magnitude)

    inputs = [drawn(2, 3, 6), drawn(3, 6), drawn(4, 3)] + ([drawn(4)] if scaled else [])
    assert gradcheck(compute, inputs)


def test_an_input_that_needs_no_gradient_gets_none() -> None:
    x, right, left = frozen(5, 6), drawn(3, 6), drawn(4, 3)
    adapted_linear(x, frozen(4, 6), None, right, left, 1.0).sum().backward()
    assert x.grad is None
    assert left.grad is not None
    torch.testing.assert_close(left.grad, (right @ x.sum(0)).expand(4, 3).detach())


def test_dropout_leaves_the_frozen_matrix_alone_and_drops_at_its_rate() -> None:
    torch.manual_seed(0)
    entries, p = 200_000, 0.1
    x = torch.ones(entries, 1)
    # W x is 1, B A x is 1 where nothing is dropped, over 1 - p.
    one = torch.ones(1, 1)
    out = adapted_linear(x, one, None, one, one, 1.0, p).squeeze(1)
    dropped = out == 1
    torch.testing.assert_close(out[~dropped], torch.full_like(out[~dropped], 1 + 1 / (1 - p)))
    count = int(dropped.sum())
    assert stats.binomtest(count, entries, p).pvalue > 1e-3
    # Neighbours are dropped independently of each other.
    both = int((dropped[1:] & dropped[:-1]).sum())
    assert stats.binomtest(both, entries - 1, p * p).pvalue > 1e-3


def test_a_second_derivative_is_refused() -> None:
    x, right, left = drawn(2, 6), drawn(3, 6), drawn(4, 3)
    loss = adapted_linear(x, frozen(4, 6), None, right, left, 1.0).square().sum()
    (slope,) = torch.autograd.grad(loss, left, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()

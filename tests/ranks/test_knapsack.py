"""Laws of the top within a budget of parameters."""

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dnaft.ranks.knapsack import top_per_parameter
from dnaft.ranks.mask import top_triplets

SCORES = st.floats(0, 10, width=32)


def tensors(triplets: list[tuple[float, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    scores, costs = zip(*triplets, strict=True)
    return torch.tensor(scores, dtype=torch.float32), torch.tensor(costs)


@pytest.mark.parametrize(
    ("budget", "kept"),
    [(0, ""), (4, ""), (5, "b"), (7, "b"), (8, "bc"), (18, "abc"), (20, "abc"), (21, "abcd")],
)
def test_by_pencil(budget: int, kept: str) -> None:
    """Scores 8 6 3 0, costs 10 5 3 3: per parameter 0.8 1.2 1 0, so b, c, a, d."""
    scores, costs = tensors([(8.0, 10), (6.0, 5), (3.0, 3), (0.0, 3)])
    top = top_per_parameter(scores, costs, budget)
    assert "".join(letter for letter, on in zip("abcd", top.tolist(), strict=True) if on) == kept


@given(st.lists(st.tuples(SCORES, st.integers(1, 9)), min_size=1, max_size=30), st.data())
def test_it_costs_no_more_than_the_budget_and_a_larger_one_keeps_all_of_it(
    triplets: list[tuple[float, int]], data: st.DataObject
) -> None:
    scores, costs = tensors(triplets)
    total = int(costs.sum())
    budget = data.draw(st.integers(0, total))
    larger = data.draw(st.integers(budget, total))
    top, more = (top_per_parameter(scores, costs, b) for b in (budget, larger))
    assert int(costs[top].sum()) <= budget
    assert not (top & ~more).any()
    assert top_per_parameter(scores, costs, total).all()
    # And it ends only where the next one does not fit.
    left = (~top).nonzero().flatten().tolist()
    if left:
        following = max(left, key=lambda i: (float(scores[i].double() / costs[i]), -i))
        assert int(costs[top].sum()) + int(costs[following]) > budget


@given(st.lists(SCORES, min_size=1, max_size=40), st.integers(1, 2000), st.data())
def test_of_one_shape_it_is_the_top_of_triplets(
    scores: list[float], cost: int, data: st.DataObject
) -> None:
    values = torch.tensor(scores, dtype=torch.float32)
    budget = data.draw(st.integers(0, cost * len(scores)))
    costs = torch.full_like(values, cost, dtype=torch.int64)
    want = top_triplets(values, budget // cost)
    assert torch.equal(top_per_parameter(values, costs, budget), want)


def test_neighbouring_scores_of_single_precision_stay_apart() -> None:
    scores = torch.tensor([1.0, 1.0], dtype=torch.float32)
    scores[1] = torch.nextafter(scores[1], torch.tensor(2.0))
    for cost in range(1, 4000, 7):
        top = top_per_parameter(scores, torch.tensor([cost, cost]), cost)
        assert top.tolist() == [False, True]


@given(st.lists(st.tuples(SCORES, st.integers(1, 9)), min_size=1, max_size=8), st.integers(0, 40))
def test_it_misses_the_optimum_by_less_than_one_triplet(
    triplets: list[tuple[float, int]], budget: int
) -> None:
    """The optimum by trying every choice; the bound is Dantzig's."""
    scores, costs = tensors(triplets)
    top = top_per_parameter(scores, costs, budget)
    best = max(
        sum(triplets[i][0] for i in chosen)
        for size in range(len(triplets) + 1)
        for chosen in combinations(range(len(triplets)), size)
        if sum(triplets[i][1] for i in chosen) <= budget
    )
    found = float(scores[top].double().sum())
    assert found <= best + 1e-6
    left = (~top).nonzero().flatten().tolist()
    if not left:
        assert found == pytest.approx(best)
        return
    following = max(left, key=lambda i: (float(scores[i].double() / costs[i]), -i))
    assert found >= best - triplets[following][0] - 1e-6

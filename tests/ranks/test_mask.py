import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dnaft.ranks.mask import top_triplets


@given(
    scores=st.lists(st.sampled_from([0.0, 0.25, 1.0, 2.0, 7.5]), min_size=1, max_size=60),
    budget=st.integers(-2, 70),
)
def test_exactly_budget_triplets_even_at_ties(scores: list[float], budget: int) -> None:
    top = top_triplets(torch.tensor(scores), budget)
    kept = max(0, min(budget, len(scores)))
    assert int(top.sum()) == kept
    # Python's sort is stable, too: an independent statement of the same order.
    order = sorted(range(len(scores)), key=lambda i: -scores[i])[:kept]
    assert sorted(order) == torch.nonzero(top).flatten().tolist()


def test_strict_marks_fewer_and_inclusive_more_at_a_tie() -> None:
    scores = torch.tensor([3.0, 1.0, 1.0, 1.0, 0.0])
    assert top_triplets(scores, 2, "strict").tolist() == [True, False, False, False, False]
    assert top_triplets(scores, 2, "inclusive").tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("ties", ["stable", "strict", "inclusive"])
def test_a_budget_of_all_keeps_all(ties: str) -> None:
    """PEFT's allocator asks for the 0th smallest score here and fails."""
    assert top_triplets(torch.zeros(5), 5, ties).all()  # type: ignore[arg-type]

"""From shares of a run to a schedule, in triplets and in parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnaft.callbacks.timing import Timing
from dnaft.ranks.budget import cubic_budget


@pytest.mark.parametrize(
    ("target_rank", "target"),
    # By pencil: q (16, 16) costs 33, fc1 (24, 16) 41, the average triplet 37; 8, 6 and 9 of them.
    [(2, 296), (1.5, 222), (2.3, 333)],
)
def test_a_budget_of_parameters(target_rank: float, target: int) -> None:
    timing = Timing(target_rank, interval=1, final_fraction=0.25, warmup_fraction=0)
    schedule = timing.schedule([6, 6, 6, 6], 40, costs=[33, 41, 33, 41])
    assert schedule.initial == 6 * (33 + 41) * 2
    assert schedule.target == target
    assert schedule.end == 30


@given(
    ranks=st.lists(st.integers(1, 16), min_size=1, max_size=12),
    share=st.floats(0.05, 1),
    cost=st.integers(3, 5000),
    total=st.integers(4, 60),
)
def test_of_one_shape_it_is_the_budget_of_triplets(
    ranks: list[int], share: float, cost: int, total: int
) -> None:
    timing = Timing(share * sum(ranks) / len(ranks), 1, final_fraction=0.2, warmup_fraction=0.1)
    triplets = timing.schedule(ranks, total)
    parameters = timing.schedule(ranks, total, [cost] * len(ranks))
    for step in range(total + 1):
        assert cubic_budget(step, parameters) // cost == cubic_budget(step, triplets)


def test_a_target_above_what_is_there_is_refused_in_either_unit() -> None:
    timing = Timing(7, 1, 0.2, 0)
    for costs in (None, [33, 41]):
        with pytest.raises(ValueError, match="target_rank 7 exceeds the 6 triplets a matrix"):
            timing.schedule([6, 6], 40, costs)

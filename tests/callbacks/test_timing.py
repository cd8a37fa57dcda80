"""From shares of a run to a schedule, in triplets and in parameters."""

import pytest
from hypothesis import assume, given
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
    assume(share * sum(ranks) >= 1.001)
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


def test_a_target_that_keeps_no_triplet_is_refused_in_either_unit() -> None:
    for costs in (None, [33, 41]):
        with pytest.raises(ValueError, match=r"target_rank 0\.4 leaves no triplet in any"):
            Timing(0.4, 1, 0.2, 0).schedule([6, 6], 40, costs)
    assert Timing(0.5, 1, 0.2, 0).schedule([6, 6], 40).target == 1


def test_a_schedule_of_its_own_length_does_not_follow_the_run() -> None:
    """The released scripts: 7,485 steps whatever the run; 200 of warm-up, 200 at the end."""
    timing = Timing(4, 5000, 0.02673, 0.02673, act_every_steps=50, schedule_steps=7485)
    short, long = timing.schedule([8] * 10, 3065), timing.schedule([8] * 10, 47_350)
    assert short == long
    assert (long.total, long.warmup, long.end) == (7485, 200, 7285)
    assert [step for step in range(1, 20_001) if long.redraws_at(step)] == [5000]
    # By pencil: 40 + 40 (1 - 4800/7085)^3 = 41.34 of 80 triplets.
    assert cubic_budget(5000, long) == 41


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"act_every_steps": 0}, "act_every_steps must be 1 or more, got 0"),
        ({"schedule_steps": -1}, "schedule_steps must be 1 or more, got -1"),
        ({"act_every_steps": 3}, "interval is 4 steps, no multiple of act_every_steps=3"),
    ],
)
def test_steps_that_do_not_fit_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Timing(2, 4, 0.25, 0, **changes).schedule([6, 6], 40)

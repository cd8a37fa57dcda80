import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnaft.ranks.budget import BudgetSchedule, cubic_budget

SCHEDULE = BudgetSchedule(initial=96, target=32, total=90, warmup=10, final=10)


# By pencil: half-way, step 45 of 10..80, leaves an eighth of the excess 64, so 32 + 8.
@pytest.mark.parametrize(("step", "kept"), [(0, 96), (10, 96), (45, 40), (80, 32), (90, 32)])
def test_cubic_budget_golden(step: int, kept: int) -> None:
    assert cubic_budget(step, SCHEDULE) == kept


def test_a_whole_budget_loses_nothing_to_floating_point() -> None:
    # (1 - t/100)^3 * 10^6 = (100 - t)^3; in floating point some land just below and lose one.
    for done in range(1, 100):
        schedule = BudgetSchedule(initial=10**6, target=0, total=101, final=1)
        assert cubic_budget(done, schedule) == (100 - done) ** 3


@given(
    target=st.integers(0, 500),
    excess=st.integers(0, 500),
    warmup=st.integers(0, 50),
    length=st.integers(1, 300),
    final=st.integers(0, 50),
)
def test_budget_falls_from_initial_to_target(
    target: int, excess: int, warmup: int, length: int, final: int
) -> None:
    s = BudgetSchedule(target + excess, target, warmup + length + final, warmup, final)
    budgets = [cubic_budget(step, s) for step in range(s.total + 1)]
    assert budgets[0] == s.initial
    assert budgets[-1] == s.target
    assert all(a >= b for a, b in itertools.pairwise(budgets))
    middle = warmup + length // 2
    if warmup < middle < s.end:
        exact = s.target + excess * (1 - Fraction(length // 2, length)) ** 3
        assert exact - 1 < budgets[middle] <= exact


def test_allocations_are_counted_as_they_happen() -> None:
    for interval in (1, 3, 7, 80, 81, 200):
        for includes_end in (False, True):
            s = BudgetSchedule(96, 32, 90, 10, 10, interval, includes_end)
            steps = [t for t in range(1, 91) if s.redraws_at(t)]
            assert s.allocations == len(steps)
            assert s.last_allocation == (steps[-1] if steps else None)
            assert [s.newest_redraw(t) for t in range(91)] == [
                max((redraw for redraw in steps if redraw <= t), default=0) for t in range(91)
            ]
            assert not any(s.holds_at(t) for t in steps)
            assert all(s.holds_at(t) for t in range(81, 91))


def test_the_papers_promoter_schedule_never_allocates() -> None:
    # prom_tata: 4,904 rows, batch 8, 5 epochs = 613 * 5 = 3,065 steps; Table S1: Delta T = 5,000.
    final = int(3065 * 0.15)
    assert BudgetSchedule(8, 6, 3065, final=final, interval=5000).allocations == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial": 4, "target": -1, "total": 10}, "a budget is negative"),
        (
            {"initial": 4, "target": 2, "total": 10, "interval": 0},
            "interval must be 1 step or more",
        ),
        ({"initial": 4, "target": 2, "total": 10, "warmup": 5, "final": 5}, "leave no step of 10"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BudgetSchedule(**arguments)


def test_step_outside_the_schedule() -> None:
    with pytest.raises(ValueError, match=r"step 91 is outside 0\.\.90"):
        cubic_budget(91, SCHEDULE)

"""Measuring a step stays within bounds of memory and time, told beforehand from a model's size."""

import math

import pytest

from dnaft.blueprint import Blueprint
from dnaft.bounded_pace import LONGEST_SCORING_SECONDS, LONGEST_STEP_SECONDS, Bounds

# 1,000 weights, 100 of them embeddings and 50 trained, in layers of 10 units together.
SMALL = Blueprint(parameters=1000, trained=50, embedded=100, width=10)
EVERYTHING = math.inf


def test_blueprint_by_pencil() -> None:
    assert SMALL.weights == 4000
    # Weights; gradients and two means of what trains; 80 bytes a token and unit.
    assert SMALL.memory(7) == 4000 + 50 * 12 + 80 * 7 * 10
    assert SMALL.reading(7) == 2 * 7 * 900
    # Forward, back to the inputs, back to what trains.
    assert SMALL.training(7) == 2 * 2 * 7 * 900 + 2 * 7 * 50
    whole = Blueprint(parameters=1000, trained=1000, embedded=100, width=10)
    assert whole.training(7) == 3 * 2 * 7 * 900


@pytest.mark.parametrize(("rows_that_fit", "measured"), [(8, 8), (7, 4), (3, 2), (1, 1), (0, 0)])
def test_the_largest_part_of_a_batch_that_fits_is_measured(
    rows_that_fit: int, measured: int
) -> None:
    by_memory = Bounds(SMALL.memory(rows_that_fit * 5) + 1, operations_a_second=EVERYTHING)
    assert by_memory.rows(SMALL, batch=8, tokens=5) == measured
    speed = (SMALL.training(rows_that_fit * 5) + 1) / LONGEST_STEP_SECONDS
    by_time = Bounds(EVERYTHING, operations_a_second=speed)
    assert by_time.rows(SMALL, batch=8, tokens=5) == measured
    speed = (SMALL.reading(rows_that_fit * 5) + 1) / LONGEST_SCORING_SECONDS
    assert Bounds(0, speed).scored_rows(SMALL, batch=8, tokens=5) == max(1, measured)


def test_on_a_gpu_only_the_weights_must_fit_into_the_memory_of_the_machine() -> None:
    assert Bounds(4000, None).rows(SMALL, batch=8, tokens=5) == 8
    assert Bounds(3999, None).rows(SMALL, batch=8, tokens=5) == 0
    assert Bounds(4000, None).scored_rows(SMALL, batch=8, tokens=5) == 8


def test_this_machine_has_some_of_both() -> None:
    bounds = Bounds.here({"accelerator": "cpu"})
    assert bounds.memory > 1e6
    assert bounds.operations_a_second is not None
    assert bounds.operations_a_second > 1e7

"""What is pruned stays pruned, in as many operations for any number of matrices."""

from collections import Counter

import pytest
import torch
from operation_counts import Calls

from dnaft.ranks.pruned import PrunedValues
from dnaft.ranks.triplet import TripletGroup


def groups_of(ranks: list[int]) -> list[TripletGroup]:
    generator = torch.Generator().manual_seed(1)
    return [
        TripletGroup(
            str(number),
            torch.randn(5, rank, generator=generator),
            torch.randn(rank, 1, generator=generator),
            torch.randn(rank, 3, generator=generator),
        )
        for number, rank in enumerate(ranks)
    ]


def test_what_training_moves_is_zero_again_and_the_rest_as_it_was() -> None:
    groups = groups_of([2, 0, 3])
    pruned = PrunedValues(groups, "overwrite")
    mask = torch.tensor([True, False, False, True, True])
    pruned.redraw(mask)
    for group in groups:
        group.values.add_(1.5)
    moved = torch.cat([group.values.flatten() for group in groups])
    assert moved.all()
    pruned.hold()
    found = torch.cat([group.values.flatten() for group in groups])
    assert torch.equal(found, torch.where(mask, moved, 0))
    assert pruned.ranks() == [1, 0, 2]


@pytest.mark.parametrize("store", ["overwrite", "shadow"])
def test_holding_takes_as_many_operations_for_any_number_of_matrices(store: str) -> None:
    counted: list[Counter[str]] = []
    for matrices in (1, 50):
        groups = groups_of([4] * matrices)
        pruned = PrunedValues(groups, store)
        pruned.redraw(torch.arange(4 * matrices) % 2 == 0)
        with Calls() as calls:
            pruned.hold()
        counted.append(calls.counts)
    assert counted[0] == counted[1]
    assert counted[0].total() == 1

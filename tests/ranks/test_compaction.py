"""Pruned triplets leave the tensors and the optimiser's moments; nothing else changes."""

import pytest
import torch
from torch import Tensor, nn

from dnaft.ranks.compaction import remove_triplets, take_shapes
from dnaft.ranks.triplet import TripletGroup

SHAPES = [(5, 3), (2, 7), (4, 4)]  # d_out, d_in
RANK = 4
KEPT = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]).bool()


def adapters() -> list[TripletGroup]:
    torch.manual_seed(0)
    return [
        TripletGroup(
            name=f"{i}",
            left=nn.Parameter(torch.randn(out, RANK)),
            values=nn.Parameter(torch.randn(RANK, 1)),
            right=nn.Parameter(torch.randn(RANK, into)),
        )
        for i, (out, into) in enumerate(SHAPES)
    ]


def parameters(groups: list[TripletGroup]) -> list[Tensor]:
    return [t for g in groups for t in (g.left, g.values, g.right)]


def loss(groups: list[TripletGroup]) -> Tensor:
    """Something that is not linear in P diag(lambda) Q."""
    total = torch.zeros(())
    for group in groups:
        update = group.left @ (group.values * group.right)
        total = total + (update - torch.ones_like(update)).square().sum() + update.tanh().sum()
    return total


@pytest.mark.parametrize("algorithm", [torch.optim.AdamW, torch.optim.SGD])
def test_loss_gradients_and_moments_of_what_stays_do_not_change(
    algorithm: type[torch.optim.Optimizer],
) -> None:
    groups = adapters()
    extra = {"amsgrad": True} if algorithm is torch.optim.AdamW else {"momentum": 0.9}
    optimizer = algorithm(parameters(groups), lr=1e-2, **extra)  # type: ignore[call-arg]
    for _ in range(3):
        optimizer.zero_grad()
        loss(groups).backward()
        optimizer.step()
    for group, kept in zip(groups, KEPT, strict=True):
        group.values.data[~kept] = 0
    optimizer.zero_grad()
    before = loss(groups)
    before.backward()
    wanted = []
    for group, kept in zip(groups, KEPT, strict=True):
        for tensor, axis in ((group.left, 1), (group.values, 0), (group.right, 0)):
            assert tensor.grad is not None
            pieces = {"grad": tensor.grad, "value": tensor.detach(), **optimizer.state[tensor]}
            wanted.append(
                {
                    name: (piece[:, kept] if axis else piece[kept]).clone()
                    if piece.ndim == 2
                    else piece.clone()
                    for name, piece in pieces.items()
                }
            )
    del before
    held = parameters(groups)
    remove_triplets(groups, KEPT.flatten(), [optimizer])
    assert [group.rank for group in groups] == [3, 0, 1]
    assert all(a is b for a, b in zip(held, parameters(groups), strict=True))
    assert all(tensor.grad is None for tensor in held)
    after = loss(groups)
    after.backward()
    for tensor, want in zip(held, wanted, strict=True):
        assert tensor.grad is not None
        torch.testing.assert_close(tensor.detach(), want.pop("value"), rtol=0, atol=0)
        torch.testing.assert_close(tensor.grad, want.pop("grad"))
        assert optimizer.state[tensor].keys() == want.keys()
        for name, moment in want.items():
            torch.testing.assert_close(optimizer.state[tensor][name], moment, rtol=0, atol=0)
    optimizer.step()  # also of tensors without an entry
    assert all(tensor.isfinite().all() for tensor in held)


def test_saved_tensors_of_another_rank_find_room() -> None:
    groups = adapters()
    for rank in (1, 6, 0):
        saved = {
            tensor: torch.randn(*(rank if n == RANK and axis == at else n
                                  for at, n in enumerate(tensor.shape)))
            for group in groups
            for tensor, axis in ((group.left, 1), (group.values, 0), (group.right, 0))
        }  # fmt: skip
        take_shapes(groups, saved)
        assert all(tensor.shape == saved[tensor].shape for tensor in saved)
        for group in groups:  # back to rank 4 for the next turn
            group.left.data = torch.zeros(group.left.shape[0], RANK)
            group.values.data = torch.zeros(RANK, 1)
            group.right.data = torch.zeros(RANK, group.right.shape[1])


def test_another_width_is_not_taken_for_another_rank() -> None:
    groups = adapters()
    take_shapes(groups, {groups[0].left: torch.zeros(6, 2), groups[0].right: torch.zeros(3)})
    assert groups[0].left.shape == (5, RANK)
    assert groups[0].right.shape == (RANK, 3)

"""The update of each slot on its own rows, against autograd, in float64."""

import pytest
import torch
from torch import Tensor

from dnaft.dropout import draw_dropped
from dnaft.methods.slot_linear import slot_linear

SLOTS, ROWS, D_IN, D_OUT = 3, 7, 5, 4
RANKS = (1, 3, 2)


def tensors(bias: bool) -> dict[str, Tensor]:
    torch.manual_seed(0)
    made = {
        "x": torch.randn(SLOTS, ROWS, D_IN),
        "right": torch.zeros(SLOTS, max(RANKS), D_IN),
        "left": torch.zeros(SLOTS, max(RANKS), D_OUT),
    }
    for slot, rank in enumerate(RANKS):
        made["right"][slot, :rank] = torch.randn(rank, D_IN)
        made["left"][slot, :rank] = torch.randn(rank, D_OUT)
    made = {name: tensor.double().requires_grad_() for name, tensor in made.items()}
    made["weight"] = torch.randn(D_OUT, D_IN).double()
    made["scales"] = torch.tensor([0.5, 2.0, 3.0]).double().view(-1, 1, 1)
    if bias:
        made["bias"] = torch.randn(D_OUT).double()
    return made


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_outputs_and_gradients_are_those_of_autograd(bias: bool, dropout: float) -> None:
    t = tensors(bias)
    torch.manual_seed(1)
    kept = 1.0
    if dropout:
        dropped = draw_dropped(t["x"].shape, dropout, torch.device("cpu"))
        kept = (~dropped).double() / (1 - dropout)
    outs = []
    for slot in range(SLOTS):
        x = t["x"][slot]
        update = t["left"][slot].T @ t["right"][slot]
        seen = x * kept[slot] if isinstance(kept, Tensor) else x
        outs.append(x @ t["weight"].T + t.get("bias", 0.0) + t["scales"][slot] * seen @ update.T)
    expected = torch.stack(outs)
    torch.manual_seed(1)
    found = slot_linear(
        t["x"], t["weight"], t.get("bias"), t["right"], t["left"], t["scales"], dropout
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    leaves = [t["x"], t["right"], t["left"]]
    towards = torch.randn_like(expected)
    theirs = torch.autograd.grad(expected, leaves, towards)
    ours = torch.autograd.grad(found, leaves, towards)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    for slot, rank in enumerate(RANKS):
        assert not ours[1][slot, rank:].any()
        assert not ours[2][slot, rank:].any()


def test_dropout_has_its_rate_and_is_drawn_for_each_slot() -> None:
    """Rows of ones under A = B = identity without a frozen part show the mask itself."""
    eye = torch.eye(64).double().expand(4, 64, 64)
    x = torch.ones(4, 200, 64).double()
    nothing, scales = torch.zeros(64, 64).double(), torch.ones(4, 1, 1).double()
    torch.manual_seed(2)
    out = slot_linear(x, nothing, None, eye, eye, scales, 0.3)
    dropped = out == 0
    torch.testing.assert_close(out[~dropped], torch.full_like(out[~dropped], 1 / 0.7))
    deviation = (0.3 * 0.7 / dropped[0].numel()) ** 0.5
    rates = dropped.double().mean(dim=(1, 2))
    assert ((rates - 0.3).abs() < 5 * deviation).all()
    # Two masks agree in 0.3^2 + 0.7^2 of their entries if they are independent.
    for one in range(4):
        for other in range(one):
            agree = float((dropped[one] == dropped[other]).double().mean())
            assert agree == pytest.approx(0.58, abs=5 * (0.58 * 0.42 / 12800) ** 0.5)

"""Dropout's mask: rate, independence, reproducibility; the module against plain arithmetic."""

import itertools

import pytest
import torch
from scipy import stats
from torch import nn
from torch.autograd import gradcheck

from dnaft.dropout import QuickDropout, draw_dropped, lowest_lanes, quicken_dropout

CPU = torch.device("cpu")
ENTRIES = 400_000


@pytest.mark.parametrize("probability", [0.0, 1e-6, 1 / 65536, 0.1, 0.5, 0.9, 1.0])
def test_of_all_lanes_the_right_number_is_marked(probability: float) -> None:
    """Each of the 2^16 values of a lane once: the probability itself, without any chance."""
    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.int64)
    assert int(lowest_lanes(every, probability).sum()) == round(probability * 65536)


@pytest.mark.parametrize("probability", [0.05, 0.1, 0.5])
def test_entries_are_dropped_at_the_rate_and_independently(probability: float) -> None:
    torch.manual_seed(0)
    dropped = draw_dropped((ENTRIES,), probability, CPU)
    later = draw_dropped((ENTRIES,), probability, CPU)
    for lane in range(4):
        part = dropped[lane::4]
        assert stats.binomtest(int(part.sum()), len(part), probability).pvalue > 1e-4
    # Pairs of lanes of one number, and pairs of entries up to two numbers apart.
    lanes = dropped.view(-1, 4).T
    pairs = [one & other for one, other in itertools.combinations(lanes, 2)]
    pairs += [dropped[gap:] & dropped[:-gap] for gap in range(1, 9)]
    pairs += [dropped & later]
    for both in pairs:
        assert stats.binomtest(int(both.sum()), len(both), probability**2).pvalue > 1e-4


def test_the_generator_decides() -> None:
    torch.manual_seed(3)
    first = draw_dropped((5, 7), 0.3, CPU)
    state = torch.get_rng_state()
    second = draw_dropped((5, 7), 0.3, CPU)
    torch.set_rng_state(state)
    assert torch.equal(draw_dropped((5, 7), 0.3, CPU), second)
    assert not torch.equal(first, second)
    torch.manual_seed(3)
    assert torch.equal(draw_dropped((5, 7), 0.3, CPU), first)
    assert draw_dropped((3, 0), 0.3, CPU).shape == (3, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_what_stays_is_divided_by_its_probability(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.randn(50, 41, dtype=dtype)
    found = QuickDropout(0.2)(x)
    torch.manual_seed(0)
    torch.randn(50, 41, dtype=dtype)
    dropped = draw_dropped(x.shape, 0.2, CPU)
    assert found.dtype == dtype
    assert (found[dropped] == 0).all()
    torch.testing.assert_close(found[~dropped], x[~dropped] / 0.8)


def test_gradients_are_those_of_finite_differences() -> None:
    module = QuickDropout(0.4)

    def compute(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)  # drops the same entries each time
        return module(x)

    assert gradcheck(compute, torch.randn(3, 7, dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize(("p", "training"), [(0.0, True), (0.4, False)])
def test_without_anything_to_drop_no_number_is_drawn(p: float, training: bool) -> None:
    x, state = torch.randn(4, 4), torch.get_rng_state()
    assert torch.equal(QuickDropout(p).train(training)(x), x)
    assert torch.equal(torch.get_rng_state(), state)
    assert not QuickDropout(1.0)(x).any()


class Own(nn.Dropout):
    pass


def test_only_plain_dropout_changes() -> None:
    others = [Own(0.1), nn.Dropout1d(0.1), nn.AlphaDropout(0.1), nn.Dropout(0.1, inplace=True)]
    kinds = [type(other) for other in others]
    model = nn.Sequential(nn.Dropout(0.1), nn.Sequential(nn.Dropout(0.3)), *others)
    keys = list(model.state_dict())
    assert quicken_dropout(model) == 2
    assert [type(part) for part in model[2:]] == kinds
    assert isinstance(model[0], QuickDropout)
    assert (model[0].p, list(model.state_dict())) == (0.1, keys)
    assert quicken_dropout(model) == 0

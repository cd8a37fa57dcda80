import pytest
import torch

from dnaft.ranks.sampling import Draws, combine


def test_eq_4_by_hand() -> None:
    top = torch.tensor([True, True, False, False])
    drawn = torch.tensor([True, False, True, False])
    assert combine(top, drawn, drawn).tolist() == [False, True, True, False]
    assert combine(top, drawn, drawn, "prune_only").tolist() == [False, True, False, False]


def test_the_expected_number_kept() -> None:
    """b (1 - p) of the top and (n - b) q of the rest, within five standard deviations."""
    n, b, p, q = 40_000, 30_000, 0.1, 0.3
    top = torch.arange(n) < b
    kept = combine(top, *Draws(p, q).sample(n, torch.Generator().manual_seed(1)))
    for part, share in ((kept[:b], 1 - p), (kept[b:], q)):
        sigma = (len(part) * share * (1 - share)) ** 0.5
        assert abs(int(part.sum()) - len(part) * share) < 5 * sigma


def test_equal_probabilities_share_one_draw_as_in_the_papers() -> None:
    dropped, regrown = Draws(0.2, 0.2).sample(1000, torch.Generator().manual_seed(3))
    assert torch.equal(dropped, regrown)
    assert 0 < int(dropped.sum()) < 1000


def test_zero_probability_is_adalora() -> None:
    dropped, regrown = Draws(0.0, 0.0).sample(1000, torch.Generator())
    assert not dropped.any()
    assert not regrown.any()


@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_probabilities_outside_0_1_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"regrow_probability must lie in \[0, 1\]"):
        Draws(0.1, value)

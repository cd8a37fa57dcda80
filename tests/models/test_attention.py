"""The ways to compute attention agree, in every precision and length."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dnaft.models.native.attention import attend
from small_methods import roles_of
from small_models import SHAPES, small_backbone


def masks(tokens: int) -> dict[str, Tensor | None]:
    seen = torch.ones(2, 1, 1, tokens, dtype=torch.bool)
    seen[1, ..., tokens // 2 :] = False
    distance = torch.arange(tokens)[:, None] - torch.arange(tokens)
    return {"nothing": None, "padding": seen, "added": -distance.abs().float()[None, None]}


@pytest.mark.parametrize("mask", ["nothing", "padding", "added"])
@pytest.mark.parametrize("tokens", [40, 300])
def test_bfloat16_is_float64_rounded(tokens: int, mask: str) -> None:
    generator = torch.Generator().manual_seed(tokens)
    q, k, v, g = torch.randn(4, 2, 3, tokens, 16, generator=generator)
    given = masks(tokens)[mask]
    gradients: dict[str, list[Tensor]] = {}
    states: dict[str, Tensor] = {}
    for name, kind, way in (
        ("exact", torch.float64, "eager"),
        ("torch", torch.float64, "sdpa"),
        ("half", torch.bfloat16, "sdpa"),
        ("half, written out", torch.bfloat16, "eager"),
    ):
        leaves = [x.to(kind).detach().requires_grad_() for x in (q, k, v)]
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == torch.bfloat16):
            mixed = attend(*leaves, given, 0.0, way)
        mixed.double().backward(g.double().transpose(1, 2).flatten(2))
        states[name] = mixed.double()
        gradients[name] = [x.grad.double() for x in leaves if x.grad is not None]
    torch.testing.assert_close(states["torch"], states["exact"], rtol=0, atol=1e-12)
    for name in ("half", "half, written out"):
        pairs = zip(
            [states[name], *gradients[name]], [states["exact"], *gradients["exact"]], strict=True
        )
        for found, expected in pairs:
            worst = (found - expected).abs().max() / expected.abs().max()
            assert worst < 0.03, (name, float(worst))


def test_short_rows_in_bfloat16_are_written_out_and_long_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    own = nn.functional.scaled_dot_product_attention

    def note(q: Tensor, *rest: Any, **named: Any) -> Tensor:
        asked.append((q.dtype, q.shape[-2]))
        return own(q, *rest, **named)

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", note)
    for kind in (torch.float32, torch.bfloat16):
        for tokens in (100, 256):
            rows = torch.randn(1, 2, tokens, 8).to(kind)
            attend(rows, rows, rows, None, 0.0, "sdpa")
    assert asked == [(torch.float32, 100), (torch.float32, 256), (torch.bfloat16, 256)]


@pytest.mark.parametrize("family", sorted(SHAPES))
def test_transformers_models_compute_the_same_in_half_the_digits(family: str) -> None:
    """Padding and causal order included; in float32 torch's own attention is left as it is."""
    ids = torch.randint(5, 70, (2, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    real = mask.bool()
    states = {}
    for attention in ("eager", "sdpa"):
        model: Any = (
            small_backbone(family, roles_of(family), "mean", attention=attention).eval().trunk
        )
        states[attention, "float32"] = model(ids, attention_mask=mask).last_hidden_state[real]
        with torch.autocast("cpu", torch.bfloat16):
            states[attention, "bf16"] = model(ids, attention_mask=mask).last_hidden_state[real]
            whole = model(ids).last_hidden_state
            first = model(ids[:, :6]).last_hidden_state
        if family == "opt":  # what comes later changes nothing
            torch.testing.assert_close(whole[:, :6], first, rtol=0.02, atol=0.02)
    exact = states["eager", "float32"]
    torch.testing.assert_close(states["sdpa", "float32"], exact, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(states["sdpa", "bf16"].float(), exact, rtol=0.05, atol=0.05)

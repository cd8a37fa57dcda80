"""The ways to compute attention agree, in every precision and length."""

import pytest
import torch
from torch import Tensor, nn

from dnaft.models.native.attention import attend


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

    def note(q: Tensor, *rest: object) -> Tensor:
        asked.append((q.dtype, q.shape[-2]))
        return own(q, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", note)
    for kind in (torch.float32, torch.bfloat16):
        for tokens in (100, 256):
            rows = torch.randn(1, 2, tokens, 8).to(kind)
            attend(rows, rows, rows, None, 0.0, "sdpa")
    assert asked == [(torch.float32, 100), (torch.float32, 256), (torch.bfloat16, 256)]

"""The encoder of single nucleotides against its formulas, written out base by base."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dnaft.models.native.nucleotide_unet import (
    NucleotideUNetConfig,
    NucleotideUNetForMaskedLM,
    NucleotideUNetModel,
)


def small(**changes: Any) -> NucleotideUNetModel:
    torch.manual_seed(3)
    fields = {
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 10,
        "stem_width": 6,
        "kernel_size": 5,
        "decoder_layers": 2,
    }
    model = NucleotideUNetModel(NucleotideUNetConfig(**(fields | changes))).double().eval()
    for parameter in model.parameters():  # also what starts as 0 or 1
        nn.init.normal_(parameter, std=0.4)
    return model


def layer_norm(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-12).sqrt() * norm.weight + (
        norm.bias
    )


def written_out(model: NucleotideUNetModel, ids: Tensor) -> Tensor:
    """One row without padding; the layers themselves are DNABERT-2's, tested with it."""
    stride = model.config.stride

    def block(x: Tensor, part: nn.Module) -> Tensor:
        normed = layer_norm(x, part.norm)
        half = part.convolution.kernel_size[0] // 2
        rows = []
        for base in range(len(x)):
            total = part.convolution.bias.clone()
            for tap in range(-half, half + 1):
                if 0 <= base + tap < len(x):
                    total += part.convolution.weight[:, :, tap + half] @ normed[base + tap]
            activated = total * 0.5 * (1 + torch.erf(total / 2**0.5))
            rows.append(x[base] + part.dense.weight @ activated + part.dense.bias)
        return torch.stack(rows)

    x = layer_norm(model.word_embeddings.weight[ids], model.embedding_norm)
    for part in model.stem:
        x = block(x, part)
    tokens = []
    for begin in range(0, len(x), stride):
        total = model.down.bias.clone()
        for tap, base in enumerate(x[begin : begin + stride]):
            total += model.down.weight[:, :, tap] @ base
        tokens.append(total)
    state = layer_norm(torch.stack(tokens), model.down_norm)[None]
    place = torch.arange(len(tokens), dtype=torch.float64)
    slopes = torch.tensor([2.0**-4, 2.0**-8, 2.0**-2], dtype=torch.float64)  # of three heads
    bias = -slopes[:, None, None] * (place[:, None] - place[None, :]).abs()
    for layer in model.encoder.layer:
        state = layer(state, bias[None])
    risen = state[0] @ model.up.weight.T + model.up.bias
    x = x + torch.stack([risen[i // stride].chunk(stride)[i % stride] for i in range(len(x))])
    for part in model.decoder:
        x = block(x, part)
    return layer_norm(x, model.norm)


@pytest.mark.parametrize(("bases", "stride"), [(24, 4), (21, 4), (17, 3), (9, 1), (2, 4)])
def test_against_the_formulas(bases: int, stride: int) -> None:
    model = small(stride=stride)
    ids = torch.randint(5, 10, (2, bases))
    with torch.no_grad():
        got = model(ids).last_hidden_state
        for row in range(2):
            assert torch.allclose(got[row], written_out(model, ids[row]), atol=1e-12, rtol=0)


@pytest.mark.parametrize("pads", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_nothing(side: str, pads: int) -> None:
    model = small()
    ids = torch.randint(5, 10, (3, 19))
    padding = torch.zeros(3, pads, dtype=torch.int64)
    ones = torch.ones_like(ids)
    order = (padding, ids) if side == "left" else (ids, padding)
    mask = torch.cat((padding, ones) if side == "left" else (ones, padding), dim=1)
    with torch.no_grad():
        want = model(ids).last_hidden_state
        got = model(torch.cat(order, dim=1), mask, output_hidden_states=True)
    assert torch.allclose(got.last_hidden_state[mask.bool()], want.flatten(0, 1), atol=1e-12)
    assert (got.last_hidden_state[mask == 0] == 0).all()
    assert all((state[mask == 0] == 0).all() for state in got.hidden_states)


def test_masked_language_model_learns_a_repeat() -> None:
    """ACGT again and again: what is hidden follows from what is beside it."""
    torch.manual_seed(1)
    config = NucleotideUNetConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    model = NucleotideUNetForMaskedLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(60):
        begin = torch.randint(4, (16, 1), generator=generator)
        ids = 5 + (torch.arange(32) + begin) % 4
        hidden = torch.rand(ids.shape, generator=generator) < 0.15
        loss = model(ids.masked_fill(hidden, 4), labels=ids.masked_fill(~hidden, -100)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3  # a guess among four costs 1.39


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kernel_size", 4, "kernel_size must be odd, got 4"),
        ("stride", 0, "stride must be 1 or more, got 0"),
        ("num_attention_heads", 5, "hidden_size 12 is no multiple"),
    ],
)
def test_refused_shapes(field: str, value: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**{field: value})


def test_heads_see_what_the_configuration_says() -> None:
    """It is DNABERT-2's, so its fields count here, too."""
    ids = torch.randint(5, 9, (1, 40), generator=torch.Generator().manual_seed(1))
    states = []
    for changes in ({}, {"one_sided_heads": True}, {"alibi_slopes": [2.0, 0.5, 2.0, 0.5]}):
        with torch.no_grad():
            states.append(small(num_attention_heads=4, **changes)(ids).last_hidden_state)
    for changed in states[1:]:
        assert not torch.allclose(changed, states[0])

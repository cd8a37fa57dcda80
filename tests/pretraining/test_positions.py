"""Attention that begins local."""

from typing import Any

import pytest
import torch

from dnaft.pretraining.model import language_model
from dnaft.pretraining.positions import localise_attention, offsets, sinusoids
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from small_models import model_node


def build(name: str, tokenizer: Tokenizer, heads: int | None = None) -> tuple[Any, dict[str, Any]]:
    node = {**model_node(name), "source": None}
    if heads is not None:
        node["architecture"] = {**node["architecture"], "num_attention_heads": heads}
    return language_model(node, "masked", tokenizer, seed=1), node["roles"]


def test_products_of_positions_depend_on_their_distance_and_fall_with_it() -> None:
    rows = sinusoids(300, 64)
    products = rows @ rows.T
    for distance in (0, 1, 5, 100):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-3, rtol=0)
    near = products[150, 150:156]
    assert (near.diff() < 0).all()
    assert products[150, 250:].max() < 0.6 * near[-1]


def test_with_codons_three_positions_are_a_wave_of_their_own() -> None:
    added = sinusoids(300, 64, codons=True)[:, -2:]
    products = added @ added.T
    apart = torch.arange(300)[:, None] - torch.arange(300)
    expected = torch.where(apart % 3 == 0, 1.0, -0.5)
    torch.testing.assert_close(products, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("heads", [1, 2, 8, 16])
def test_each_head_begins_by_looking_at_a_place_of_its_own(heads: int) -> None:
    model, roles = build("yeast_mini_kmer", KmerTokenizer(k=6), heads)
    model.config._attn_implementation = "eager"
    ids = torch.randint(10, 4000, (4, 120), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        weights = model.eval()(input_ids=ids, output_attentions=True).attentions[0]
    assert weights.amax() < 0.2
    assert localise_attention(model, roles, codons=False)
    with torch.no_grad():
        weights = model(input_ids=ids, output_attentions=True).attentions[0]
    for number, offset in enumerate(offsets(heads)):
        around = {
            place: float(weights[:, number].diagonal(place, dim1=-2, dim2=-1).mean())
            for place in range(-15, 16)
            # What a token has in common with itself may outweigh the step to its neighbour.
            if place != 0
        }
        assert max(around, key=lambda place: around[place]) == offset
        assert around[offset] > 0.15


def test_a_quarter_of_the_heads_begins_by_looking_at_whole_codons() -> None:
    model, roles = build("yeast_mini_kmer", KmerTokenizer(k=6))
    model.config._attn_implementation = "eager"
    assert localise_attention(model, roles, codons=True)
    ids = torch.randint(10, 4000, (4, 120), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        layers = model.eval()(input_ids=ids, output_attentions=True).attentions
    apart = torch.arange(120)[:, None] - torch.arange(120)
    for weights in layers:
        whole = (weights * (apart % 3 == 0)).sum(dim=-1).mean(dim=(0, 2))
        far = (weights * (apart.abs() > 30)).sum(dim=-1).mean(dim=(0, 2))
        assert whole.shape == (8,)
        assert (whole[6:] > 0.8).all()
        assert (far[6:] > 0.4).all()
        assert (far[:6] < 0.4).all()


def test_models_that_know_positions_otherwise_stay_as_they_are() -> None:
    model, roles = build("yeast_mini_bpe", BpeTokenizer("package:bpe_yeast"))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert not localise_attention(model, roles, codons=False)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name

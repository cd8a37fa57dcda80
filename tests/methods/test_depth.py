"""Where parameters lie, which of them train, and how fast."""

import pytest
import torch

from dnaft.config import build
from dnaft.methods.bitfit import inject_bitfit
from dnaft.methods.depth import find_depths, rate_factors
from dnaft.methods.full import inject_full, inject_partial
from dnaft.models.backbone import Backbone
from dnaft.optimization import AdamW
from small_methods import plain
from small_models import built, small_node

# What lies outside the layers, read off the forward of each architecture. Three layers.
OUTSIDE = {
    "tiny": {"embeddings.LayerNorm": 0, "embeddings.position_embeddings": 0},
    "nt_500m_1000g": {"encoder.emb_layer_norm_after": 4, "embeddings.word_embeddings": 0},
    "nt_v2_100m": {"encoder.emb_layer_norm_after": 4, "embeddings.word_embeddings": 0},
    "dnabert2": {"embeddings.LayerNorm": 0, "embeddings.token_type_embeddings": 0},
    "gena_lm_base_lastln_t2t": {"encoder.last_layer_ln": 4, "embeddings.LayerNorm": 0},
    "opt_125m": {"decoder.final_layer_norm": 4, "decoder.embed_positions": 0},
    "opt_350m": {"decoder.project_out": 4, "decoder.project_in": 0, "decoder.embed_tokens": 0},
    "moderngena_base": {"final_norm": 4, "embeddings.norm": 0},
    "generator_eukaryote_1b2": {"norm": 4, "embed_tokens": 0},
    "nucleotide_unet": {
        "word_embeddings": 0, "embedding_norm": 0, "stem.1.dense": 0, "down": 0, "down_norm": 0,
        "up": 4, "decoder.0.convolution": 4, "norm": 4,
    },
}  # fmt: skip


def small(name: str) -> Backbone:
    backbone = built(small_node(name))
    backbone.attach_head(1, positions=8)
    return backbone


@pytest.mark.parametrize("name", OUTSIDE)
def test_depth_of_what_lies_outside_the_layers(name: str) -> None:
    backbone = small(name)
    state = {n: p.clone() for n, p in backbone.named_parameters()}
    modes = [module.training for module in backbone.modules()]
    depths = find_depths(backbone)
    for module, depth in OUTSIDE[name].items():
        assert depths[f"model.{module}.weight"] == depth, module
    for number, layer in enumerate(backbone.layer_names, start=1):
        inside = [d for n, d in depths.items() if n.startswith(f"model.{layer}.")]
        assert inside
        assert set(inside) == {number}
    missing = {n for n, _ in backbone.named_parameters() if "task_head" not in n} - set(depths)
    assert all("contact_head" in n for n in missing), missing
    assert modes == [module.training for module in backbone.modules()]
    assert all(torch.equal(p, state[n]) for n, p in backbone.named_parameters())


def test_each_layer_learns_slower_than_the_one_above() -> None:
    """Two layers, decay 0.5: embeddings 1/4, layers 1/2 and 1, the head 1."""
    backbone = plain("bert")
    inject_full(backbone, layer_decay=0.5)
    optimizer, _ = AdamW(lr=8.0, head_lr=3.0).build(
        backbone.named_parameters(), 10, backbone.rate_factors
    )
    names = {p: n for n, p in backbone.named_parameters()}
    rates = {names[p]: g["initial_lr"] for g in optimizer.param_groups for p in g["params"]}
    assert len(rates) == len(names)
    assert {n: r for n, r in rates.items() if "LayerNorm.weight" in n or "task_head" in n} == {
        "model.embeddings.LayerNorm.weight": 2.0,
        "model.encoder.layer.0.attention.output.LayerNorm.weight": 4.0,
        "model.encoder.layer.0.output.LayerNorm.weight": 4.0,
        "model.encoder.layer.1.attention.output.LayerNorm.weight": 8.0,
        "model.encoder.layer.1.output.LayerNorm.weight": 8.0,
        "model.task_head.linear.weight": 3.0,
        "model.task_head.linear.bias": 3.0,
    }


def test_without_decay_all_rates_are_one() -> None:
    assert rate_factors(plain("bert"), 1.0) == {}


@pytest.mark.parametrize("top", [0, 1, 2])
@pytest.mark.parametrize("embeddings", [False, True])
def test_which_layers_train(top: int, embeddings: bool) -> None:
    backbone = plain("esm")
    inject_partial(backbone, top_layers=top, embeddings=embeddings)
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    for layer in range(2):
        of_layer = {n for n, _ in backbone.named_parameters() if f".layer.{layer}." in n}
        assert of_layer
        assert bool(of_layer & trained) == (of_layer <= trained) == (layer >= 2 - top)
    assert ("model.embeddings.word_embeddings.weight" in trained) == embeddings
    assert {"model.encoder.emb_layer_norm_after.weight", "model.task_head.linear.bias"} <= trained
    assert not any("contact_head" in n for n in trained)


def test_hyena_filters_have_no_bias_that_bitfit_trains() -> None:
    """Their `bias` multiplies the input of the long convolution; the other biases are added."""
    backbone = small("hyenadna_tiny_1k")
    inject_bitfit(backbone)
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert "model.backbone.layers.0.mixer.filter_fn.bias" not in trained
    assert {n for n, _ in backbone.named_parameters() if n.endswith("fc1.bias")} <= trained
    assert all(n.endswith(".bias") or "task_head" in n for n in trained)


def test_models_without_biases_are_refused() -> None:
    node = {"_target_": "dnaft.methods.bitfit.inject_bitfit", "_partial_": True}
    message = "method.inject: generator_eukaryote_1b2 has no biases to train; use another method"
    with pytest.raises(ValueError, match=message):
        build(node, "method.inject")(small("generator_eukaryote_1b2"))


def test_a_model_without_roles_does_not_say_where_its_layers_are() -> None:
    backbone = built(small_node("tiny", roles={}))
    backbone.attach_head(1)
    with pytest.raises(ValueError, match=r"tiny has no roles.*use method=full"):
        inject_partial(backbone, top_layers=1)
    inject_full(backbone)

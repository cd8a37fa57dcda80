"""Which architectures a method serves: the column `models` of docs/methods.md."""

import functools

import pytest

from dnaft.config import build
from dnaft.errors import InputError
from dnaft.methods.trial import send_row
from dnaft.models.backbone import Backbone
from small_methods import METHODS, method_config, rows_of_docs
from small_models import built, small_node

# The first yaml of each architecture, and what it has.
MODELS = {
    "tiny": {"roles", "biases", "attention"},
    "nt_500m_1000g": {"roles", "biases", "attention"},
    "nt_v2_100m": {"roles", "biases", "attention"},
    "dnabert2": {"roles", "biases", "attention"},
    "gena_lm_base": {"roles", "biases", "attention"},
    "opt_350m": {"roles", "biases", "attention"},
    "moderngena_base": {"roles", "attention"},
    "generator_eukaryote_1b2": {"roles", "attention"},
    "hyenadna_tiny_1k": {"roles", "biases"},
    "nucleotide_unet": {"roles", "biases"},
    "caduceus": {"biases"},
}


@functools.cache
def config(name: str) -> dict[str, object]:
    return method_config(name)


def small(name: str) -> Backbone:
    """Caduceus is built on CUDA alone; a BERT whose yaml has no roles stands for it."""
    node = small_node("tiny", roles={}) if name == "caduceus" else small_node(name)
    backbone = built(node)
    backbone.attach_head(2, positions=8)
    return backbone


@pytest.mark.parametrize("name", METHODS)
def test_a_method_serves_the_models_that_the_docs_name_and_refuses_the_others(name: str) -> None:
    says = rows_of_docs()[name][4]
    needs = set() if says == "all" else set(says.split(", "))
    for model, has in MODELS.items():
        backbone = small(model)
        inject = build(config(name)["inject"], "method.inject")
        if needs <= has:
            inject(backbone)
            send_row(backbone)
            assert any(p.requires_grad for p in backbone.parameters())
        else:
            with pytest.raises(
                InputError, match=r"method\.inject: .*use (method=|linear_probe|another)"
            ):
                inject(backbone)

"""Backbones small enough for a test of a second: three families, and every yaml of conf/model."""

import functools
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dnaft.config import build, config_dir
from dnaft.models.backbone import Backbone

SHAPES: dict[str, dict[str, Any]] = {
    "bert": {
        "model_type": "bert",
        "vocab_size": 80,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 64,
    },
    "esm": {
        "model_type": "esm",
        "vocab_size": 80,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "max_position_embeddings": 66,
        "pad_token_id": 1,
        "mask_token_id": 2,
        "token_dropout": True,
        "position_embedding_type": "absolute",
    },
    "opt": {
        "model_type": "opt",
        "vocab_size": 80,
        "hidden_size": 16,
        "word_embed_proj_dim": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "ffn_dim": 24,
        "max_position_embeddings": 64,
        "do_layer_norm_before": False,
    },
}
MODELS = sorted(
    file.stem
    for file in Path(config_dir(), "model").glob("[!_]*.yaml")
    if file.stem != "none"  # the baselines
)
# Largest value of each field of `architecture` in a test; what is smaller stays.
SMALL = {
    "vocab_size": 80,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "filter_order": 8,
    "local_attention": 8,
} | dict.fromkeys(("hidden_size", "d_model"), 16)
SMALL |= dict.fromkeys(("num_hidden_layers", "n_layer"), 3)
SMALL |= dict.fromkeys(("intermediate_size", "d_inner", "ffn_dim"), 24)
SMALL |= dict.fromkeys(("max_position_embeddings", "max_seq_len"), 66)


def small_backbone(family: str, roles: dict[str, str], pooling: str, **changes: Any) -> Backbone:
    """Build a small model of a family with the roles of its yaml."""
    node = {
        "_target_": "dnaft.models.load.load_backbone",
        "name": f"small {family}",
        "roles": roles,
        "pooling": pooling,
        "max_tokens": 64,
        "architecture": SHAPES[family],
        **changes,
    }
    backbone = build(node, "model")
    assert isinstance(backbone, Backbone)
    return backbone


@functools.cache
def composed(name: str) -> Any:
    """A model's node and that of its tokenizer, without the rest of the configuration."""
    texts = ["+method.prefix=''", "+method.suffix=''"]
    with initialize_config_dir(config_dir(), version_base="1.3"):
        return compose(overrides=["+tokenizer=kmer", f"+model={name}", *texts])


def model_node(name: str) -> dict[str, Any]:
    """What a yaml says of a model, interpolations resolved."""
    node: Any = OmegaConf.to_container(composed(name).model, resolve=True)
    assert isinstance(node, dict)
    return node


def shrink(architecture: dict[str, Any]) -> dict[str, Any]:
    """The same architecture with small numbers, and another width where it projects."""
    small = {
        field: min(value, SMALL[field]) if field in SMALL else value
        for field, value in architecture.items()
    }
    if "word_embed_proj_dim" in small:
        projects = small["word_embed_proj_dim"] != architecture["hidden_size"]
        small["word_embed_proj_dim"] = 12 if projects else small["hidden_size"]
    if small.get("alibi_slopes"):
        small["alibi_slopes"] = small["alibi_slopes"][: small["num_attention_heads"]]
    return small


def small_node(name: str, **changes: Any) -> dict[str, Any]:
    """A model's yaml with a small architecture and random weights."""
    node = model_node(name)
    small = {
        "architecture": shrink(node["architecture"]),
        "max_tokens": min(node["max_tokens"], 64),
        "source": None,
        "revision": None,
    }
    return node | small | changes


def built(node: dict[str, Any]) -> Backbone:
    """Build a model node."""
    backbone = build(node, "model")
    assert isinstance(backbone, Backbone)
    return backbone

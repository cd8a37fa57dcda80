"""Backbones of the three architectures, small enough for a test of a second."""

from typing import Any

from dnaft.config import build
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

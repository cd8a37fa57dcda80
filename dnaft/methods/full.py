"""Train everything, or nothing but the head."""

from dnaft.methods.adapt import freeze
from dnaft.models.backbone import Backbone


def inject_full(backbone: Backbone) -> None:
    """Train every weight of the backbone and the head (full-model fine-tuning)."""
    for parameter in backbone.parameters():
        parameter.requires_grad_(True)


def inject_linear_probe(backbone: Backbone) -> None:
    """Freeze the backbone and train the head on its pooled hidden states (linear probing)."""
    freeze(backbone)
    for parameter in backbone.head.parameters():
        parameter.requires_grad_(True)

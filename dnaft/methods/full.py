"""Train everything, the upper layers, or nothing but the head."""

from dnaft.methods.adapt import train_only, unfreeze
from dnaft.methods.depth import find_depths, rate_factors
from dnaft.models.backbone import Backbone


def inject_full(backbone: Backbone, layer_decay: float = 1.0) -> None:
    """Train every weight of the backbone and the head (full-model fine-tuning).

    Args:
        backbone: Backbone with its head attached.
        layer_decay: Factor of the learning rate from one layer to the one below (`rate_factors`); 1
            for one rate.

    Raises:
        ValueError: If the decay lies outside (0, 1], or is below 1 and nothing says where the
            layers are.
    """
    for parameter in backbone.parameters():
        unfreeze(parameter)
    backbone.rate_factors |= rate_factors(backbone, layer_decay)


def inject_partial(
    backbone: Backbone, top_layers: int, embeddings: bool = False, layer_decay: float = 1.0
) -> None:
    """Train the last layers, what lies behind them, and the head; freeze what lies below.

    Lee et al. 2019, arXiv:1911.03090, reach nine tenths of the quality of full fine-tuning with a
    quarter of the layers.

    Args:
        backbone: Backbone with its head attached.
        top_layers: How many layers train, counted from the last.
        embeddings: Whether what lies in front of the layers trains, too.
        layer_decay: Factor of the learning rate from one layer to the one below (`rate_factors`); 1
            for one rate.

    Raises:
        ValueError: If there are not so many layers, the decay lies outside (0, 1], or nothing says
            where the layers are.
    """
    if not 0 <= top_layers <= backbone.layers:
        raise ValueError(
            f"top_layers must lie in 0..{backbone.layers}, the layers of {backbone.name}, "
            f"got {top_layers}"
        )
    lowest = backbone.layers - top_layers + 1
    train_only(
        backbone,
        {
            name
            for name, depth in find_depths(backbone).items()
            if depth >= lowest or (embeddings and depth == 0)
        },
    )
    backbone.rate_factors |= rate_factors(backbone, layer_decay)


def inject_linear_probe(backbone: Backbone) -> None:
    """Freeze the backbone and train the head on its pooled hidden states (linear probing)."""
    train_only(backbone, set())

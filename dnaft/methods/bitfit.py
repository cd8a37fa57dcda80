"""Train the biases of the model and nothing else of it: BitFit."""

from torch import nn

from dnaft.methods.adapt import train_only
from dnaft.methods.depth import find_depths
from dnaft.models.backbone import Backbone


def inject_bitfit(backbone: Backbone) -> None:
    """Train the biases of all linear maps, norms and convolutions, and the head.

    Ben Zaken et al. 2022, arXiv:2106.10199, Section 3.

    Args:
        backbone: Backbone with its head attached.

    Raises:
        ValueError: If the architecture has no biases, or nothing says where its layers are.
    """
    # Beside a weight: HyenaDNA calls something else a bias, too.
    biases = {
        f"model.{name}.bias"
        for name, module in backbone.model.named_modules()
        if isinstance(getattr(module, "weight", None), nn.Parameter)
        and isinstance(getattr(module, "bias", None), nn.Parameter)
    }
    trained = biases & find_depths(backbone).keys()
    if not trained:
        raise ValueError(f"{backbone.name} has no biases to train; use another method")
    train_only(backbone, trained)

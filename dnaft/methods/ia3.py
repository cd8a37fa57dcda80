"""Learned rescaling of activations: (IA)^3."""

from peft import IA3Config

from dnaft.methods.adapt import add_adapter
from dnaft.models.backbone import Backbone

# Where the feed-forward block's inner activations enter a matrix: scaled before it, not after.
_INPUT_SIDE = ("fc2",)


def inject_ia3(backbone: Backbone, target_roles: tuple[str, ...]) -> None:
    """Multiply keys, values and inner feed-forward activations by learned vectors.

    Liu et al. 2022, arXiv:2205.05638, Section 3.3. The vectors start at one, so the output is
    unchanged at injection. fc2 is scaled at its input, the others at their output.

    Args:
        backbone: Backbone with its head attached.
        target_roles: Roles to rescale; the paper's are k, v and fc2.

    Raises:
        ValueError: If a role matches no module.
    """
    targets = backbone.target_modules(target_roles)
    inner = [name for name in targets if backbone.matrices[name][1] in _INPUT_SIDE]
    add_adapter(backbone, IA3Config(target_modules=targets, feedforward_modules=inner))

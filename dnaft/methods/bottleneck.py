"""Small networks behind the two blocks of each layer: bottleneck adapters."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from dnaft.methods.adapt import check_positive, train_only
from dnaft.methods.norms import layer_norms
from dnaft.models.backbone import Backbone

ADAPTER_NAME = "bottleneck"  # of the adapter, below the matrix that it stands behind


class Bottleneck(nn.Module):
    """x + U GELU(D x + d) + u: down to a few features, and up again; the identity at first.

    Args:
        width: Features of x.
        size: Features in between, rows of D.
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, size)
        self.up = nn.Linear(size, width)
        nn.init.normal_(self.down.weight, std=0.01)
        nn.init.zeros_(self.down.bias)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        """Return x and what the adapter adds."""
        added: Tensor = self.up(nn.functional.gelu(self.down(x)))
        return x + added


def inject_bottleneck(
    backbone: Backbone, size: int, target_roles: tuple[str, ...], norms: bool = True
) -> None:
    """Put a `Bottleneck` behind each matrix of the given roles, in front of the residual sum.

    Houlsby et al. 2019, arXiv:1902.00751, Section 2.1: with the roles o and fc2 one stands behind
    attention and one behind the feed-forward block, and the layers' norms train with them. There
    both matrices start near zero; here U is zero, so the output is unchanged at injection.

    Args:
        backbone: Backbone with its head attached.
        size: Features between D and U.
        target_roles: Roles to adapt; the paper's are o and fc2.
        norms: Whether the norms of the adapted layers train, too.

    Raises:
        ValueError: If the size is not positive or a role matches no module.
    """
    check_positive("size", size)
    names = backbone.target_modules(target_roles)
    for name in names:
        matrix: Any = backbone.model.get_submodule(name)
        adapter = Bottleneck(matrix.out_features, size).to(matrix.weight.device)
        matrix.add_module(ADAPTER_NAME, adapter)
        matrix.register_forward_hook(_through_adapter)
    trained = {f"model.{name}.{ADAPTER_NAME}." for name in names}
    if norms:
        trained |= {f"model.{norm}." for norm in layer_norms(backbone)}
    train_only(
        backbone, {n for n, _ in backbone.named_parameters() if n.startswith(tuple(trained))}
    )


def _through_adapter(matrix: nn.Module, _: Any, output: Tensor) -> Tensor:
    adapted: Tensor = matrix.get_submodule(ADAPTER_NAME)(output)
    return adapted

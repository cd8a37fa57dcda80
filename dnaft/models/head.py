"""The layer that turns a pooled sequence into logits."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn


class Standardise(nn.BatchNorm1d):
    """Bring each pooled feature to mean 0 and variance 1, with running statistics.

    Batch normalisation without weights of its own, as for linear probes in He et al. 2022
    (arXiv:2111.06377, Appendix A.1). A training batch of one row uses the running statistics.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features, affine=False)

    def forward(self, input: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
        """Return the standardised features."""
        if self.training and len(input) == 1:
            self.eval()
            output = super().forward(input)
            self.train()
            return output
        return super().forward(input)


class TaskHead(nn.Module):
    """Dropout, then one linear layer; on request behind standardised features.

    It hangs under the name `task_head` on the transformers model, so that PEFT saves it with the
    adapter (`modules_to_save`).

    Args:
        hidden: Width of the backbone.
        outputs: Logits a sequence: 1 for binary tasks, else classes, labels or targets.
        dropout: Probability of dropping an input in training.
        standardise: Standardise the pooled features first. Mean pooling over many tokens leaves
            features that hardly differ between sequences, which slows the head down.

    Raises:
        ValueError: If `dropout` lies outside [0, 1).
    """

    def __init__(
        self, hidden: int, outputs: int, dropout: float = 0.0, standardise: bool = False
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"head_dropout must lie in [0, 1), got {dropout}")
        self.norm: Callable[[Tensor], Tensor] = (
            Standardise(hidden) if standardise else nn.Identity()
        )
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden, outputs)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, pooled: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch outputs"]:
        """Return the logits."""
        logits: Tensor = self.linear(self.dropout(self.norm(pooled)))
        return logits

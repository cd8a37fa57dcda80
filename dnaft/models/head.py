"""The layer that turns a pooled sequence into logits."""

from jaxtyping import Float
from torch import Tensor, nn


class TaskHead(nn.Module):
    """Dropout, then one linear layer.

    It hangs under the name `task_head` on the transformers model, so that PEFT saves it with the
    adapter (`modules_to_save`).

    Args:
        hidden: Width of the backbone.
        outputs: Logits a sequence: 1 for binary tasks, else classes, labels or targets.
        dropout: Probability of dropping an input in training.

    Raises:
        ValueError: If `dropout` lies outside [0, 1).
    """

    def __init__(self, hidden: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"head_dropout must lie in [0, 1), got {dropout}")
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(hidden, outputs)
        nn.init.normal_(self.linear.weight, std=0.02)
        nn.init.zeros_(self.linear.bias)

    def forward(self, pooled: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch outputs"]:
        """Return the logits."""
        logits: Tensor = self.linear(self.dropout(pooled))
        return logits

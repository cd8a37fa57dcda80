"""The layer that turns a pooled sequence into logits."""

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dnaft.collectives import processes, sum_over_processes
from dnaft.models.pooling import average_windows


class Standardise(nn.BatchNorm1d):
    """Bring each pooled feature to mean 0 and variance 1, with running statistics.

    Batch normalisation without weights of its own, as for linear probes in He et al. 2022
    (arXiv:2111.06377, Appendix A.1). A training batch of one row uses the running statistics. Of
    several processes the batch is that of all together; torch's SyncBatchNorm needs GPUs.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features, affine=False)

    def forward(self, input: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
        """Return the standardised features."""
        if not self.training:
            return super().forward(input)
        if processes() > 1:
            return self._with_others(input)
        return self._with_running(input) if len(input) == 1 else super().forward(input)

    def _with_running(self, input: Tensor) -> Tensor:
        self.eval()
        output = super().forward(input)
        self.train()
        return output

    def _with_others(self, input: Tensor) -> Tensor:
        values = input.float()
        sums = sum_over_processes(torch.cat([values.sum(dim=0), values.new_tensor([len(values)])]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = values - mean
        variance = sum_over_processes(centred.square().sum(dim=0)) / count
        # One row that all processes read, as the last of an epoch may be, varies as little as one.
        if len(input) == 1 and not variance.any():
            return self._with_running(input)
        with torch.no_grad():
            for running, now in (
                (self.running_mean, mean),
                (self.running_var, variance * count / (count - 1)),
            ):
                cast(Tensor, running).lerp_(now, cast(float, self.momentum))
            cast(Tensor, self.num_batches_tracked).add_(1)
        return (centred * torch.rsqrt(variance + self.eps)).to(input.dtype)


class PositionTerm(nn.Module):
    """Logits from hidden states and where they stand: weights of each position's own, of low rank.

    A pooled vector knows what a sequence holds, but not where. For sequences that are aligned, as
    all those around a start codon, a logistic regression on one-hot bases beats it. This term
    contains that regression where a hidden state spells its base: with hidden state h_i of position
    i, `rank` learnt directions V and weights W_i, zero at the start, it is
    sum_i W_i standardised(V h_i) / sqrt(positions).

    Positions are counted from the first real token on. Those behind the last that the term has
    weights for, that is longer sequences than any in training, add nothing.

    Args:
        hidden: Width of the backbone.
        outputs: Logits a sequence.
        positions: How many positions have weights.
        rank: Directions.

    Raises:
        ValueError: If there is no position or no direction.
    """

    def __init__(self, hidden: int, outputs: int, positions: int, rank: int) -> None:
        super().__init__()
        if positions < 1 or rank < 1:
            raise ValueError(f"needs positions and a rank, got {positions} and {rank}")
        self.directions = nn.Linear(hidden, rank, bias=False)
        nn.init.normal_(self.directions.weight, std=hidden**-0.5)
        self.norm = Standardise(rank)
        self.weights = nn.Parameter(torch.zeros(positions, rank, outputs))

    def forward(
        self, hidden: Float[Tensor, "batch tokens hidden"], mask: Int[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch outputs"]:
        """Return what positions add to the logits."""
        real = mask.bool()
        values = self.norm(self.directions(hidden[real]))
        place = (mask.cumsum(dim=1) - 1)[real]
        row = torch.arange(len(mask), device=mask.device).unsqueeze(1).expand_as(mask)[real]
        known = place < len(self.weights)
        # Every row as long as the weights: zero where it has no token.
        grid = values.new_zeros(len(mask), *self.weights.shape[:2])
        grid[row[known], place[known]] = values[known]
        terms = torch.einsum("bpr,pro->bo", grid, self.weights.to(grid.dtype))
        return terms / mask.sum(dim=1, keepdim=True).clamp(min=1).sqrt()


class TaskHead(nn.Module):
    """Dropout, then one linear layer; on request behind standardised features, and by position.

    It hangs under the name `task_head` on the transformers model, so that PEFT saves it with the
    adapter (`modules_to_save`).

    Args:
        hidden: Width of the backbone.
        outputs: Logits a sequence: 1 for binary tasks, else classes, labels or targets.
        dropout: Probability of dropping an input in training.
        standardise: Standardise the pooled features first. Mean pooling over many tokens leaves
            features that hardly differ between sequences, which slows the head down.
        positions: How many positions have weights of their own; only with `position_rank`.
        position_rank: Rank of these weights (`PositionTerm`), 0 for none.

    Raises:
        ValueError: If `dropout` lies outside [0, 1), or a rank is given without positions.
    """

    def __init__(
        self,
        hidden: int,
        outputs: int,
        dropout: float = 0.0,
        standardise: bool = False,
        positions: int = 0,
        position_rank: int = 0,
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
        self.by_position = (
            PositionTerm(hidden, outputs, positions, position_rank) if position_rank else None
        )

    def forward(
        self,
        pooled: Float[Tensor, "rows hidden"],
        hidden: Float[Tensor, "windows tokens hidden"] | None = None,
        mask: Int[Tensor, "windows tokens"] | None = None,
        windows: Int[Tensor, " rows"] | None = None,
    ) -> Float[Tensor, "rows outputs"]:
        """Return the logits.

        Args:
            pooled: One vector a row.
            hidden: What was pooled; for weights by position.
            mask: 1 at tokens, 0 at padding.
            windows: How many windows each row has, None if one; their position terms are averaged.

        Raises:
            ValueError: If there are weights by position, and no hidden states for them.
        """
        logits: Tensor = self.linear(self.dropout(self.norm(pooled)))
        if self.by_position is None:
            return logits
        if hidden is None or mask is None:
            raise ValueError("weights by position need the hidden states and their mask")
        term: Tensor = self.by_position(hidden, mask)
        if windows is not None:
            term = average_windows(term, mask, windows, "first")  # all windows alike
        return logits + term

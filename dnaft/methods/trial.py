"""One short row through the model, to see what it does."""

import torch

from dnaft.models.backbone import Backbone

_TOKENS = 8


@torch.no_grad()
def send_row(backbone: Backbone) -> None:
    """Compute the hidden states of one row of eight tokens; the model's modes stay as they are.

    Raises:
        Exception: Whatever the model raises where it cannot run.
    """
    modes = {module: module.training for module in backbone.modules()}
    ids = torch.zeros(1, _TOKENS, dtype=torch.long, device=next(backbone.parameters()).device)
    try:
        backbone.eval().encode(ids, torch.ones_like(ids))
    finally:
        for module, mode in modes.items():
            module.training = mode

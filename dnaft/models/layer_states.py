"""The hidden states of all layers, pooled: one vector a row and layer."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from dnaft.batch import Batch
from dnaft.errors import InputError
from dnaft.models.backbone import Backbone
from dnaft.models.pooling import pool_rows


def encode_layers(
    backbone: Backbone,
    input_ids: Int[Tensor, "windows tokens"],
    attention_mask: Int[Tensor, "windows tokens"],
    token_type_ids: Int[Tensor, "windows tokens"] | None = None,
) -> list[Float[Tensor, "windows tokens _"]]:
    """Return what enters the first layer, what leaves each layer, and the last hidden state.

    These are transformers' `hidden_states`. There the last layer's own output gives way to the last
    hidden state, behind the final norm and projection where a model has them. A model that hands
    out both (HyenaDNA, the nucleotide U-Net) has one more. Widths may differ.

    Args:
        backbone: The model; without an adapter that puts tokens of its own in front.
        input_ids: Token ids.
        attention_mask: 1 at tokens, 0 at padding.
        token_type_ids: See `Backbone.encode`.

    Raises:
        InputError: If the model does not hand out one state a layer, each with a vector a token.
    """
    outputs = backbone.call_model(
        input_ids, attention_mask, token_type_ids, output_hidden_states=True
    )
    last: Tensor = outputs.last_hidden_state
    states: list[Tensor] = list(getattr(outputs, "hidden_states", None) or ())
    if states and states[-1] is not last:
        states.append(last)
    fits = all(state.shape[:2] == input_ids.shape for state in states)
    if not fits or len(states) - backbone.layers not in (1, 2):
        raise InputError(
            f"model: {backbone.name} does not hand out the hidden states of its {backbone.layers} "
            "layers, so they cannot be probed; method=linear_probe reads the last one"
        )
    return states


def pool_layers(backbone: Backbone, batch: Batch) -> list[Float[Tensor, "rows _"]]:
    """Return one vector a row for each state of `encode_layers`, in float32.

    Pooled as the task head would have them: by `backbone.pooling`, averaged over the windows of a
    row. Of rows on both strands it is the mean of the two, whose logits under a linear map are the
    mean of theirs.

    Args:
        backbone: The model, on the device of the batch.
        batch: Rows, the labels of which are not looked at.
    """
    ids, mask, types, windows, _ = batch.inputs
    vectors = []
    for state in encode_layers(backbone, ids, mask, types):
        pooled = pool_rows(state.float(), mask, windows, backbone.pooling)
        vectors.append(pooled.reshape(batch.strands, -1, pooled.shape[1]).mean(dim=0))
    return vectors


@torch.inference_mode()
def read_layers(backbone: Backbone, loader: Iterable[Batch]) -> list[NDArray[np.float32]]:
    """Return the pooled vectors of all rows, (rows, width) for each layer, in one pass.

    Besides these vectors the states of one batch are held at a time, all layers of it.

    Args:
        backbone: The model, on its device.
        loader: Batches of a split, in order.

    Raises:
        InputError: If the model does not hand out its layers, or a vector is not finite.
    """
    backbone.eval()
    device = next(backbone.parameters()).device
    parts: list[list[NDArray[np.float32]]] = []
    for batch in loader:
        moved = Batch._make(p.to(device) if isinstance(p, Tensor) else p for p in batch)
        vectors = [vector.cpu().numpy() for vector in pool_layers(backbone, moved)]
        parts = parts or [[] for _ in vectors]
        for part, vector in zip(parts, vectors, strict=True):
            part.append(vector)
    layers = [np.concatenate(part) for part in parts]
    for number, layer in enumerate(layers):
        if not np.isfinite(layer).all():
            raise InputError(
                f"model: the hidden states of {backbone.name} at layer {number} are not finite; "
                "are its weights whole?"
            )
    return layers

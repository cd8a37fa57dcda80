"""Keep the probes of a run, and read rows with one of them again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.numpy import load_file, save_file
from torch import Tensor

from dnaft.baselines.estimators import Weights
from dnaft.batch import Batch
from dnaft.errors import InputError
from dnaft.models.backbone import Backbone
from dnaft.models.layer_states import pool_layers
from dnaft.record import RunRecord, read
from dnaft.saved_run import BASE, rebuild

PROBES = "layer_probes.safetensors"


class ProbedModel:
    """A model as it was and the probe of one of its layers: ids in, logits out.

    Args:
        backbone: The model.
        layer: Number of the probed hidden state.
        weights: The probe.
    """

    def __init__(self, backbone: Backbone, layer: int, weights: Weights) -> None:
        self.backbone = backbone.eval()
        self.layer = layer
        self.weights = weights

    @torch.inference_mode()
    def __call__(
        self,
        input_ids: Int[Tensor, "windows tokens"],
        attention_mask: Int[Tensor, "windows tokens"],
        token_type_ids: Int[Tensor, "windows tokens"] | None = None,
        windows: Int[Tensor, " rows"] | None = None,
    ) -> Float[Tensor, "rows outputs"]:
        """Return logits, or values in the unit of the labels, in float64 on the CPU.

        Args:
            input_ids: Token ids, on the model's device.
            attention_mask: 1 at tokens, 0 at padding.
            token_type_ids: See `Backbone.encode`.
            windows: How many windows each row has; None if each is one.
        """
        batch = Batch(input_ids, attention_mask, torch.empty(0), token_type_ids, windows)
        pooled = pool_layers(self.backbone, batch)[self.layer].cpu().numpy()
        return torch.from_numpy(self.weights.apply(pooled.astype(np.float64)))


def save_probes(probes: Sequence[Weights], file: Path) -> None:
    """Write the linear maps of all layers: `layer<i>.coefficients` and `.intercepts`, float64."""
    content = {}
    for layer, weights in enumerate(probes):
        content[f"layer{layer}.coefficients"] = np.ascontiguousarray(weights.coefficients)
        content[f"layer{layer}.intercepts"] = np.ascontiguousarray(weights.intercepts)
    save_file(content, file)


def load_probe(folder: Path, layer: int | None = None) -> tuple[ProbedModel, RunRecord]:
    """Rebuild the model of a run with `method=layer_probe`, and the probe of a layer.

    Args:
        folder: The run folder.
        layer: Which hidden state; None for the one that dev chose.

    Returns:
        The model with its probe, whose call gives the logits, and the run's record.

    Raises:
        InputError: If the folder holds no such run, or no such layer, or the model cannot be read.
    """
    record = read(folder / "result.json")
    if not (folder / PROBES).is_file():
        raise InputError(
            f"{folder}: no {PROBES}: it is no whole run of method layer_probe; other runs are "
            "loaded with dnaft.saved_run.load_model"
        )
    probes = load_file(folder / PROBES)
    number = int(record.chosen["layer"]) if layer is None else layer
    if f"layer{number}.coefficients" not in probes:
        raise InputError(
            f"{folder}: layer {number} was not probed; 0 to {len(probes) // 2 - 1} were"
        )
    backbone = rebuild(record, folder / BASE if (folder / BASE).is_dir() else None)
    coefficients = probes[f"layer{number}.coefficients"]
    intercepts = probes[f"layer{number}.intercepts"]
    trainable = int(coefficients.size + intercepts.size)
    return ProbedModel(backbone, number, Weights(coefficients, intercepts, trainable)), record

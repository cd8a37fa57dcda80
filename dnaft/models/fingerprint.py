"""Which weights a model has, as a checksum."""

import hashlib
import json
from collections.abc import Collection

import torch

import dnaft
from dnaft.models.backbone import Backbone

FORMAT_VERSION = 1  # raise it when the same weights begin to give other hidden states


def weights_fingerprint(backbone: Backbone, trained: Collection[str] = ()) -> str:
    """Return the sha256, in hex, of what hidden states depend on beside the input.

    Weights and buffers, the task head left out; the architecture with its configuration; and the
    versions of the code that computes with them.

    Args:
        backbone: The model.
        trained: Names, in the backbone, of the weights that the states do not depend on.
    """
    import transformers

    trunk = backbone.trunk
    config = getattr(trunk, "config", None)
    said = {} if config is None else config.to_dict()
    # Where the files lay does not matter, only what was in them.
    said = {key: value for key, value in said.items() if not key.startswith("_")}
    versions = [FORMAT_VERSION, dnaft.__version__, transformers.__version__]
    kind = f"{type(trunk).__module__}.{type(trunk).__qualname__}"
    about = json.dumps([*versions, kind, said, backbone.takes_token_types], default=str)
    digest = hashlib.sha256(about.encode())
    attention = getattr(config, "_attn_implementation", None)
    digest.update(str(attention).encode())
    for name, tensor in trunk.state_dict().items():
        if (
            f"model.{name}" in trained
            or name.startswith("task_head.")
            or not isinstance(tensor, torch.Tensor)
        ):
            continue
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

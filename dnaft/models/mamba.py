"""Load Caduceus and PlantCaduceus: bidirectional Mamba, built by the code of their hub repository.

Schiff et al. 2024 (arXiv:2403.03234), Zhai et al. 2025 (doi:10.1073/pnas.2421738122).
"""

from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from dnaft.errors import InputError
from dnaft.models.backbone import Backbone
from dnaft.models.checkpoint import find_checkpoint
from dnaft.models.pooling import Pooling
from dnaft.models.requirements import require

# In front of the names of weights that were saved with a language-model head.
_PREFIX = "caduceus."


def load_caduceus(
    name: str,
    source: str,
    pooling: Pooling,
    max_tokens: int,
    roles: dict[str, str],
    revision: str | None = None,
    code_revision: str | None = None,
    requires: Sequence[str] = (),
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    licence: str = "",
    max_bp: int | None = None,
    standardise_features: bool = False,
    position_rank: int = 0,
) -> Backbone:
    """Return a Caduceus in float32, without the head it was pretrained with.

    transformers 5 cannot load these repositories by itself: their models leave out the call of
    `post_init` that it relies on. Here the repository's code builds the model, and no more.

    Args:
        name: What to call the model in messages and results.
        source: Hub id, or a local folder whose config.json names the code (`auto_map`).
        pooling: How tokens become one vector.
        max_tokens: Longest input in tokens; the data module checks it.
        roles: Module name of each role, see `Backbone`. The model yamls give none: mamba_ssm hands
            weights to its kernels past any adapter (state-spaces/mamba#279), so an adapter would
            adapt nothing.
        revision: Hub revision of weights and config.json.
        code_revision: Hub revision of the code, which may lie in another repository.
        requires: Packages that the code imports, see `require`.
        allow_pickle: Accept a checkpoint that has only pickled weights (read with weights_only).
        trust_remote_code: Run the repository's code; there is no other way to build the model.
        licence: Licence of the weights; not used here, shown when a run begins.
        max_bp: Longest input in bases; not used here, shown when a run begins.
        standardise_features: Whether the task head standardises the pooled features.
        position_rank: Rank of the task head's weights by position, 0 for none.

    Raises:
        InputError: If a package is missing, the code may not be run, or the source cannot be read.
        ValueError: If `max_tokens` is out of range, or a role matches no module.
    """
    require(requires)
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be 1 or more, got {max_tokens}")
    if not trust_remote_code:
        raise InputError(
            f"model.trust_remote_code: {name} is built by code that its hub repository carries "
            f"({source}, revision {code_revision or revision or 'main'}); read it, then set "
            "model.trust_remote_code=true to run it"
        )
    folder = find_checkpoint(source, revision, allow_pickle)
    from dnaft.models.caduceus import CaduceusEncoder  # after the search: seconds to import

    trunk, config = _build(source, folder, code_revision)
    _load_weights(trunk, folder, source)
    return Backbone(
        CaduceusEncoder(config, trunk.to(torch.float32)),
        name=name,
        roles=roles,
        layers=config.n_layer,
        hidden_size=config.d_model,
        pooling=pooling,
        source=source,
        revision=revision,
        standardise_features=standardise_features,
        position_rank=position_rank,
    )


def _build(source: str, folder: Path, code_revision: str | None) -> tuple[nn.Module, Any]:
    """Build the model that config.json describes, by the code that it names."""
    from transformers import AutoConfig
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    local = Path(source).expanduser().is_dir()
    path = str(folder) if local else source
    where: dict[str, Any] = {"code_revision": code_revision}
    if not local:
        where["revision"] = folder.name  # the commit of the weights
    try:
        config: Any = AutoConfig.from_pretrained(path, trust_remote_code=True, **where)
        named: dict[str, str] = config.auto_map
        model_class: Any = get_class_from_dynamic_module(named["AutoModel"], path, **where)
        if local and "--" not in path:  # a copy saved elsewhere still finds the code, as hub ids do
            config.auto_map = {k: v if "--" in v else f"{path}--{v}" for k, v in named.items()}
        trunk: nn.Module = model_class(config)
    except (OSError, ValueError, RuntimeError, ImportError, AttributeError, KeyError) as error:
        raise InputError(
            f"model.source: {source} gives no model to build ({type(error).__name__}: {error}). "
            "Does its config.json name a Caduceus in auto_map, and does the code suit the "
            "installed mamba_ssm? See model.code_revision"
        ) from error
    return trunk, config


def _load_weights(trunk: nn.Module, folder: Path, source: str) -> None:
    """Fill all parameters and buffers; weights of a head are left out.

    Tied weights, such as the projections that both directions share, need to be stored once only.
    """
    weights = {name.removeprefix(_PREFIX): w for name, w in _read_weights(folder, source).items()}
    tensors = trunk.state_dict(keep_vars=True)
    filled = {id(tensor) for name, tensor in tensors.items() if name in weights}
    lost = sorted(name for name, tensor in tensors.items() if id(tensor) not in filled)
    if lost:
        raise InputError(
            f"model.source: {source} lacks {len(lost)} of the weights that its config.json asks "
            f"for, {lost[0]} among them; random ones would take their place unnoticed"
        )
    try:
        trunk.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise InputError(
            f"model.source: the weights of {source} do not fit its config.json ({error})"
        ) from error


def _read_weights(folder: Path, source: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    weights: dict[str, Tensor] = {}
    try:
        for file in sorted(folder.glob("*.safetensors")):
            weights |= load_file(file)
        if not weights:
            for file in sorted(folder.glob("pytorch_model*.bin")):
                weights |= torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise InputError(
            f"model.source: cannot read {file} of {source} ({error}); get a whole copy of the model"
        ) from error
    return weights

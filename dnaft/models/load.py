"""Load a backbone from the hub, a local folder, or with random weights of a given shape."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from dnaft.errors import InputError
from dnaft.models.architecture import build_config, positions, read_config
from dnaft.models.attention import implementation
from dnaft.models.backbone import Backbone, matrix_names
from dnaft.models.checkpoint import find_checkpoint
from dnaft.models.native import register
from dnaft.models.pooling import Pooling
from dnaft.models.quantise import Quantised, check_quantised, keep_unpacked, quantisation

# Weights of modules that the last hidden state does not depend on.
_NOT_USED = ("contact_head.",)


def load_backbone(
    name: str,
    roles: dict[str, str],
    pooling: Pooling,
    max_tokens: int,
    source: str | None = None,
    revision: str | None = None,
    architecture: dict[str, Any] | None = None,
    weights_seed: int = 0,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    attention: str = "sdpa",
    licence: str = "",
    max_bp: int | None = None,
    standardise_features: bool = False,
    position_rank: int = 0,
    quantise: Quantised | None = None,
) -> Backbone:
    """Return a backbone in float32, without the head it was pretrained with.

    Args:
        name: What to call the model in messages and results.
        roles: Module name of each role, see `Backbone`.
        pooling: How tokens become one vector.
        max_tokens: Longest input in tokens, special tokens included; the data module checks it.
        source: Hub id or local folder with config.json and safetensors. None builds
            `architecture` with random weights.
        revision: Hub revision (branch, tag or commit).
        architecture: Configuration fields, `model_type` among them, for random weights. Of a
            source only `model_type` is taken from here, which says what code builds the model: the
            config.json of DNABERT-2 says "bert", that of Nucleotide Transformer v2 "esm".
        weights_seed: Seed of random weights; the global random state is left alone.
        allow_pickle: Accept a checkpoint that has only pickled weights (read with weights_only).
        trust_remote_code: Run code that the hub repository carries. Only for repositories you
            have read.
        attention: transformers' attention implementation: sdpa or eager.
        licence: Licence of the weights; not used here, shown when a run begins.
        max_bp: Longest input in bases, where a token stands for a fixed number of them; not used
            here, shown when a run begins.
        standardise_features: Whether the task head standardises the pooled features.
        position_rank: Rank of the task head's weights by position, 0 for none.
        quantise: Keep the matrices of the roles in four bits (`quantisation`), frozen; key
            `method.quantise`.

    Raises:
        InputError: If the source cannot be read, its weights do not fit the architecture, it has
            fewer positions than `max_tokens`, or four bits need a package that is not here.
        ValueError: If neither source nor architecture is given, or a role matches no module.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be 1 or more, got {max_tokens}")
    if source is None and architecture is None:
        raise ValueError("give source (a hub id or folder) or architecture (random weights)")
    check_quantised(quantise, source)
    register()
    if source is None:
        model = _random(architecture or {}, weights_seed, attention)
    else:
        model_type = (architecture or {}).get("model_type")
        model = _pretrained(
            source,
            revision,
            allow_pickle,
            trust_remote_code,
            attention,
            model_type,
            quantise,
            roles,
        )
    config: Any = model.config
    room = positions(config)
    if room is not None and max_tokens > room:
        raise InputError(
            f"model.max_tokens: {max_tokens} are more than {name} has positions for; set it to "
            f"{room} or less"
        )
    return Backbone(
        model,
        name=name,
        roles=roles,
        layers=config.num_hidden_layers,
        hidden_size=_output_width(config),
        pooling=pooling,
        source=source,
        revision=revision,
        standardise_features=standardise_features,
        position_rank=position_rank,
    )


def _output_width(config: Any) -> int:
    """Width of the last hidden state; OPT-350M projects its inner 1024 back to 512."""
    for name in ("word_embed_proj_dim", "stem_width"):
        if getattr(config, name, None):
            return int(getattr(config, name))
    return int(config.hidden_size)


def _without_pooler(config: Any) -> dict[str, Any]:
    """Leave out the next-sentence pooler: the task head pools by itself."""
    with_pooler = ("bert", "esm", "dnabert2")
    return {"add_pooling_layer": False} if config.model_type in with_pooler else {}


def _random(architecture: dict[str, Any], seed: int, attention: str) -> nn.Module:
    from transformers import AutoModel

    config = build_config(architecture)
    config._attn_implementation = implementation(attention)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = AutoModel.from_config(config, **_without_pooler(config))
    return model.float()


def _pretrained(
    source: str,
    revision: str | None,
    allow_pickle: bool,
    trust_remote_code: bool,
    attention: str,
    model_type: str | None,
    quantise: Quantised | None,
    roles: dict[str, str],
) -> nn.Module:
    folder = find_checkpoint(source, revision, allow_pickle)
    from safetensors import SafetensorError  # after the search: these take seconds to import
    from transformers import AutoModel

    where: dict[str, Any] = {"trust_remote_code": trust_remote_code}
    path = str(folder)
    if trust_remote_code and not Path(source).expanduser().is_dir():
        # Only transformers knows which modules the code needs; the commit is the weights'.
        path, where["revision"] = source, folder.name
    try:
        config = read_config(folder, path, model_type, where)
        if quantise is not None:
            names = matrix_names(roles, config.num_hidden_layers)
            where["quantization_config"] = quantisation(config, quantise, names)
        model, info = AutoModel.from_pretrained(
            path,
            config=config,
            use_safetensors=None if allow_pickle else True,
            dtype=torch.float32,
            attn_implementation=implementation(attention),
            output_loading_info=True,
            **where,
            **_without_pooler(config),
        )
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError) as error:
        first = next(
            (line.strip() for line in str(error).splitlines() if line.strip()), repr(error)
        )
        raise InputError(
            f"model.source: cannot load {source} ({first.rstrip('.')}). Check that config.json "
            "belongs to these weights and that all files are whole"
        ) from error
    if quantise is not None:
        keep_unpacked(model)
    missing = sorted(name for name in info["missing_keys"] if not name.startswith(_NOT_USED))
    if missing:
        raise InputError(
            f"model.source: {source} lacks {len(missing)} of the weights that its config.json asks "
            f"for, {missing[0]} among them; random ones would take their place unnoticed. "
            "Is it the right checkpoint for this architecture?"
        )
    loaded: nn.Module = model
    return loaded

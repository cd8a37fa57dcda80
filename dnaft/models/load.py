"""Load a backbone from the hub, a local folder, or with random weights of a given shape."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from dnaft.errors import InputError
from dnaft.models.backbone import Backbone
from dnaft.models.pooling import Pooling


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
        architecture: Configuration fields, `model_type` among them; for random weights.
        weights_seed: Seed of random weights; the global random state is left alone.
        allow_pickle: Accept a checkpoint that has only pickled weights (read with weights_only).
        trust_remote_code: Run code that the hub repository carries. Only for repositories you
            have read.
        attention: transformers' attention implementation: sdpa or eager.
        licence: Licence of the weights, shown when they are loaded.

    Raises:
        InputError: If the source cannot be read or its weights do not fit the architecture.
        ValueError: If neither source nor architecture is given, or a role matches no module.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be 1 or more, got {max_tokens}")
    if source is None and architecture is None:
        raise ValueError("give source (a hub id or folder) or architecture (random weights)")
    if source is None:
        model = _random(architecture or {}, weights_seed, attention)
    else:
        model = _pretrained(source, revision, allow_pickle, trust_remote_code, attention)
    config: Any = model.config
    return Backbone(
        model,
        name=name,
        roles=roles,
        layers=config.num_hidden_layers,
        hidden_size=_output_width(config),
        pooling=pooling,
        source=source,
    )


def _output_width(config: Any) -> int:
    """Width of the last hidden state; OPT-350M projects its inner 1024 back to 512."""
    return int(getattr(config, "word_embed_proj_dim", None) or config.hidden_size)


def _without_pooler(config: Any) -> dict[str, Any]:
    """Leave out the next-sentence pooler: the task head pools by itself."""
    return {"add_pooling_layer": False} if config.model_type in ("bert", "esm") else {}


def _random(architecture: dict[str, Any], seed: int, attention: str) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    fields = dict(architecture)
    model_type = fields.pop("model_type", None)
    if model_type is None:
        raise ValueError("architecture.model_type is missing (bert, esm, opt, ...)")
    config = AutoConfig.for_model(model_type, **fields)
    config._attn_implementation = attention
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = AutoModel.from_config(config, **_without_pooler(config))
    return model.float()


def _pretrained(
    source: str, revision: str | None, allow_pickle: bool, trust_remote_code: bool, attention: str
) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    _check_folder(source, allow_pickle)
    where: dict[str, Any] = {"revision": revision} if revision else {}
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code, **where)
        model, info = AutoModel.from_pretrained(
            source,
            config=config,
            trust_remote_code=trust_remote_code,
            use_safetensors=None if allow_pickle else True,
            dtype=torch.float32,
            attn_implementation=attention,
            output_loading_info=True,
            **where,
            **_without_pooler(config),
        )
    except (OSError, ValueError, RuntimeError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        raise InputError(
            f"model.source: cannot load {source}: {first} "
            "Give a local folder with config.json and model.safetensors (model.source=FOLDER), "
            "fill the hub's cache on a machine with network (HF_HOME), or use a packaged model "
            "such as model=tiny."
        ) from error
    missing = sorted(info["missing_keys"])
    if missing:
        raise InputError(
            f"model.source: {source} lacks {len(missing)} of the weights that its config.json asks "
            f"for, {missing[0]} among them; random ones would take their place unnoticed. "
            "Is it the right checkpoint for this architecture?"
        )
    loaded: nn.Module = model
    return loaded


def _check_folder(source: str, allow_pickle: bool) -> None:
    """Say clearly what a local folder lacks, before transformers says it at length."""
    folder = Path(source).expanduser()
    looks_local = folder.exists() or source.startswith((".", "/", "~"))
    if not looks_local:
        return
    if not folder.is_dir():
        raise InputError(f"model.source: there is no folder {folder}")
    if not (folder / "config.json").is_file():
        raise InputError(f"model.source: {folder} has no config.json; is it a transformers folder?")
    if any(folder.glob("*.safetensors")):
        return
    pickled = [file.name for file in folder.glob("*.bin")]
    if not pickled:
        raise InputError(f"model.source: {folder} holds no weights (model.safetensors is missing)")
    if not allow_pickle:
        raise InputError(
            f"model.source: {folder} has pickled weights only ({pickled[0]}), which can run code "
            "when read. Convert them to safetensors, or set model.allow_pickle=true to read them "
            "with weights_only."
        )

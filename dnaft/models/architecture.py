"""Which architecture a model has, and its configuration."""

import difflib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from dnaft.errors import InputError


def build_config(architecture: dict[str, Any]) -> Any:
    """Return the transformers configuration that the fields describe.

    Args:
        architecture: `model_type`, and fields of that architecture.

    Raises:
        ValueError: If there is no such architecture, or it has no such field.
    """
    given = dict(architecture)
    model_type = given.pop("model_type", None)
    if model_type is None:
        raise ValueError("architecture.model_type is missing (bert, esm, opt, ...)")
    config_class = _config_class(str(model_type))
    known = {field.name for field in fields(config_class)} | set(config_class.attribute_map)
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"architecture.{name}: {model_type} has no such field{hint}")
    return config_class(**given)


def read_config(folder: Path, path: str, model_type: str | None, where: dict[str, Any]) -> Any:
    """Return the configuration of a checkpoint.

    Args:
        folder: Folder with config.json.
        path: That folder, or the hub id if the repository's own code is to run.
        model_type: The architecture whose code reads the checkpoint; None for the one that
            config.json names.
        where: `trust_remote_code`, and the revision of a hub id.

    Raises:
        InputError: If config.json is none, or nothing here can read the architecture.
    """
    from transformers import CONFIG_MAPPING, AutoConfig

    try:
        stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        named = stored.get("model_type")
    except (ValueError, AttributeError) as error:
        raise InputError(f"model.source: {folder / 'config.json'} is no JSON object") from error
    if where["trust_remote_code"] and "auto_map" in stored:
        return AutoConfig.from_pretrained(path, **where)
    if model_type is not None:
        for hub_only in ("model_type", "auto_map"):
            stored.pop(hub_only, None)
        return _config_class(model_type).from_dict(stored)
    if named in CONFIG_MAPPING:
        return AutoConfig.from_pretrained(str(folder))
    if "auto_map" in stored:
        fix = "it brings code of its own: read it, then set model.trust_remote_code=true to run it"
    else:
        fix = "name the architecture, for example model.architecture={model_type: bert}"
    raise InputError(
        f"model.source: {folder / 'config.json'} has the model_type {named!r}, which "
        f"transformers does not know; {fix}"
    )


def positions(config: Any) -> int | None:
    """Return how many tokens the learnt position embeddings hold, None if they set no limit."""
    if config.model_type not in ("bert", "esm", "opt", "gena_lm", "hyenadna"):
        return None
    if getattr(config, "position_embedding_type", "absolute") != "absolute":
        return None
    # ESM counts from the number behind the padding token's.
    unused = config.pad_token_id + 1 if config.model_type == "esm" else 0
    return int(config.max_position_embeddings) - unused


def _config_class(model_type: str) -> Any:
    from transformers import CONFIG_MAPPING

    if model_type in CONFIG_MAPPING:
        return CONFIG_MAPPING[model_type]
    close = difflib.get_close_matches(model_type, list(CONFIG_MAPPING.keys()), n=1)
    hint = f"did you mean {close[0]}?" if close else "bert, esm and opt are some"
    raise ValueError(f"architecture.model_type: transformers knows no {model_type!r}; {hint}")

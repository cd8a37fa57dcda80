"""A finished run as a PEFT adapter, or as a plain transformers folder, that is checked to agree."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from dnaft import __version__
from dnaft.errors import InputError
from dnaft.methods.merge import merge_adapter
from dnaft.models.backbone import Backbone
from dnaft.models.native import NATIVE
from dnaft.output import set_up_output
from dnaft.record import RunRecord
from dnaft.saved_run import (
    BASE,
    HEAD,
    load_exported,
    load_model,
    save_adapter,
    save_base,
    save_head,
)

DESCRIPTION = "task_head.json"
_ROWS, _MOST_TOKENS, _SEED = 8, 512, 0
# Of logits in float64, where merging shows alone: it rounds each weight once, to 24 bits. In
# float32 the order of the sums can move them by as much (docs/export.md has figures).
_LARGEST_DIFFERENCE = 1e-5
_FOUR_BITS = (
    "load_in_4bit",
    "bnb_4bit_quant_type",
    "bnb_4bit_use_double_quant",
    "bnb_4bit_compute_dtype",
    "llm_int8_skip_modules",
)


def export(run: Path, merge: bool, out: Path) -> Path:
    """Write a run so that plain peft and transformers read it.

    Args:
        run: Folder of a finished run.
        merge: Multiply the adapter into the weights and write a whole model; else the adapter.
        out: Folder to write; it does not exist. It appears when it is complete.

    Returns:
        The folder written.

    Raises:
        InputError: If the run cannot be read or merged, the target cannot be written, or what was
            written gives other logits than the run's own model.
    """
    set_up_output()
    try:
        backbone, record = load_model(run)
    except (OSError, RuntimeError, ImportError, SafetensorError) as error:
        first = next(iter(str(error).strip().splitlines()), repr(error))
        raise InputError(f"run: the weights in {run} cannot be read ({first})") from error
    print(f"dnaft {__version__}: {record.method} on {record.task}, model {backbone.name}")
    ids = _random_ids(backbone, record)
    wanted = _logits(backbone, ids)
    with _appearing(out) as folder:
        if merge:
            _write_merged(backbone, record, folder)
            base = None
        else:
            base = BASE if (run / BASE).is_dir() else record.config["model"]["source"]
            save_adapter(backbone.model, folder, base, backbone.revision)
            if base == BASE:
                shutil.copytree(run / BASE, folder / BASE)
        save_head(backbone, folder / HEAD)
        describe(backbone, record, base, folder)
        del backbone  # for one model at a time to be in memory
        # Of 1 + the logits' own size, as that is how weights in float32 are rounded.
        found = _logits(load_exported(record, folder), ids)
        difference = float(((found - wanted).abs() / (1 + wanted.abs())).max())
        if not difference <= _LARGEST_DIFFERENCE:
            raise InputError(
                f"run: exported, {record.method} gives other logits than the run's own model "
                f"(difference {difference:.1g}); what it trained does not fit into "
                f"{'a plain transformers folder' if merge else 'an adapter of PEFT'}"
            )
    print(
        f"logits of {_ROWS} random inputs differ from the run's own by at most {difference:.1g}, "
        "in float64"
    )
    kind = record.config["method"].get("quantise")
    if kind is not None:
        print(
            f"the adapter was trained on a base model in four bits ({kind}): load it with "
            f"'quantisation' of {DESCRIPTION}, or the logits are others"
        )
    print(f"written: {out}")
    return out


def _write_merged(backbone: Backbone, record: RunRecord, folder: Path) -> None:
    try:
        merge_adapter(backbone)
    except ValueError as error:
        raise InputError(
            f"merge: {record.method} cannot be merged: {error}. Without merge=true the adapter is "
            "written, for use with its base model"
        ) from error
    save_base(backbone, folder)
    model_type = getattr(getattr(backbone.model, "config", None), "model_type", None)
    if model_type in NATIVE:
        print(
            f"the architecture {model_type} is one of dnaft's own modules: call "
            "dnaft.models.native.register() before transformers reads the folder"
        )


def describe(backbone: Backbone, record: RunRecord, base: str | None, folder: Path) -> None:
    """Write what the head needs to be used: how tokens are made and pooled, and what comes out.

    Args:
        backbone: The model that is exported.
        record: What the run left.
        base: Where the base of an adapter is; None for a merged model.
        folder: Where to write the file.
    """
    merged = base is None
    config = record.config
    description = {
        "task": record.task,
        "model": record.model,
        "method": record.method,
        "kind": config["task"].get("kind"),
        "outputs": config["task"]["outputs"],
        "targets": record.data.get("targets") or None,
        "hidden_size": backbone.hidden_size,
        "pooling": backbone.pooling,
        "standardise_features": backbone.standardise_features,
        "position_rank": backbone.position_rank,
        "positions": record.data["tokens"]["train"]["max"],
        "max_tokens": config["model"]["max_tokens"],
        "tokenizer": config.get("tokenizer"),
        "merged": merged,
        "base": base,
        "base_revision": None if merged else config["model"].get("revision"),
        "quantisation": _quantisation(backbone, record),
        "code_version": record.code_version,
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _quantisation(backbone: Backbone, record: RunRecord) -> dict[str, Any] | None:
    """Return the arguments of BitsAndBytesConfig that load the base as the run had it."""
    if record.config["method"].get("quantise") is None:
        return None
    trunk: Any = backbone.trunk
    settings: dict[str, Any] = trunk.config.quantization_config.to_dict()
    return {key: settings[key] for key in _FOUR_BITS}


def _random_ids(backbone: Backbone, record: RunRecord) -> Tensor:
    """Return token ids to compare models on, no longer than what the run read."""
    longest = min(
        record.config["model"]["max_tokens"], record.data["tokens"]["train"]["max"], _MOST_TOKENS
    )
    generator = torch.Generator().manual_seed(_SEED)
    return torch.randint(backbone.vocabulary_size, (_ROWS, longest), generator=generator)


def _logits(backbone: Backbone, ids: Tensor) -> Tensor:
    """Return the logits in float64; the weights are left as they were."""
    backbone.double().eval()
    with torch.inference_mode():
        output: Tensor = backbone(ids, torch.ones_like(ids))
    backbone.float()  # exactly what it was: all float32 numbers are float64 ones
    return output.double()


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """Give a folder beside the target that takes its name if all goes well, and else vanishes."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    made: list[Path] = []
    try:
        for parent in reversed([p for p in part.parents if not p.exists()]):
            parent.mkdir()
            made.append(parent)
        part.mkdir()
        yield part
        os.rename(part, target)
    except OSError as error:
        _remove(part, made)
        raise InputError(
            f"out: cannot write to {target} ({error.strerror or error}); choose another folder "
            "with out=FOLDER"
        ) from error
    except BaseException:
        _remove(part, made)
        raise


def _remove(part: Path, made: list[Path]) -> None:
    shutil.rmtree(part, ignore_errors=True)
    for parent in reversed(made):
        if not any(parent.iterdir()):
            parent.rmdir()

"""Keep what a run trained, and load it again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import nn

from dnaft.config import build
from dnaft.errors import InputError
from dnaft.methods.adapt import load_adapter
from dnaft.methods.plain_lora import save_as_lora
from dnaft.models.backbone import Backbone
from dnaft.record import RunRecord, read

ADAPTER = "adapter"  # PEFT's format, head included
BASE = "base"  # the random weights that the adapter belongs to, where no hub or folder has them
MODEL = "model"  # methods without an adapter: the fine-tuned weights
HEAD = "task_head.safetensors"
TRAINED = "trained.safetensors"  # what else a method trained, where it is neither all nor PEFT's


def save_model(backbone: Backbone, folder: Path) -> None:
    """Write adapter and head, or the fine-tuned weights, into the run folder.

    A method of PEFT leaves `adapter/`, loadable by `PeftModel.from_pretrained` onto the base model
    with a `task_head` attached; singular value decompositions become plain LoRA (`save_as_lora`).
    Full fine-tuning leaves a transformers folder `model/`; other methods leave in it the head and,
    by name, what else was trained.

    Args:
        backbone: The trained backbone.
        folder: The run folder.
    """
    model = backbone.model
    if isinstance(model, PeftModel):
        save_adapter(model, folder / ADAPTER, backbone.source or BASE, backbone.revision)
        return
    (folder / MODEL).mkdir(exist_ok=True)
    save_head(backbone, folder / MODEL / HEAD)
    body = {n: p for n, p in model.named_parameters() if not n.startswith("task_head")}
    trained = {n: p.detach().cpu().contiguous() for n, p in body.items() if p.requires_grad}
    if len(trained) == len(body):
        save_base(backbone, folder / MODEL)
    elif trained:
        save_file(trained, folder / MODEL / TRAINED)


def save_adapter(model: nn.Module, folder: Path, base: str, revision: str | None = None) -> None:
    """Write adapter and task head in PEFT's format.

    Args:
        model: The adapted model, PEFT's wrapper around it.
        folder: Folder to write.
        base: Where its base model is, for the adapter's configuration.
        revision: Hub revision of the base model.
    """
    adapted: Any = model
    for config in adapted.peft_config.values():
        config.base_model_name_or_path, config.revision = base, revision
    if not save_as_lora(adapted, folder):
        # "auto" asks the hub whether the base vocabulary has changed; it has not.
        adapted.save_pretrained(str(folder), save_embedding_layers=False)


def save_base(backbone: Backbone, folder: Path) -> None:
    """Write the transformers model without the head, as safetensors with its config.

    Args:
        backbone: A backbone without an adapter: PEFT renames the matrices that it wraps.
        folder: Folder to write.

    Raises:
        ValueError: If the backbone has an adapter.
    """
    if isinstance(backbone.model, PeftModel):
        raise ValueError("save_base: save the base before an adapter is injected")
    trunk: Any = backbone.model
    weights = {k: v for k, v in trunk.state_dict().items() if not k.startswith("task_head.")}
    trunk.save_pretrained(str(folder), state_dict=weights)


def model_node(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model's node of a run's configuration, and in how many bits its method wants it.

    Args:
        config: The resolved configuration, plain values.
    """
    kind = config.get("method", {}).get("quantise")
    model: dict[str, Any] = config["model"]
    return model if kind is None else {**model, "quantise": kind}


def load_model(folder: Path) -> tuple[Backbone, RunRecord]:
    """Rebuild the trained model of a finished run, in evaluation mode.

    Args:
        folder: A run folder with result.json.

    Returns:
        The backbone, whose call gives the logits, and the run's record.

    Raises:
        InputError: If the folder holds no finished run, or its base model cannot be read.
    """
    record = read(folder / "result.json")
    if record.config.get("method", {}).get("probe") is not None:
        raise InputError(
            f"{folder}: {record.method} leaves the model as it is, and linear maps of its layers; "
            "load it with dnaft.saved_probe.load_probe"
        )
    source: Path | None = None
    if (folder / MODEL / "config.json").is_file():
        source = folder / MODEL
    elif (folder / BASE).is_dir():
        source = folder / BASE
    backbone = rebuild(record, source)
    if (folder / ADAPTER).is_dir():
        _load_adapter(backbone, folder / ADAPTER)
    else:
        head: nn.Module = backbone.head
        head.load_state_dict(load_file(folder / MODEL / HEAD))
        if (folder / MODEL / TRAINED).is_file():
            build(record.config["method"]["inject"], "method.inject")(backbone)
            _load_trained(backbone.model, folder / MODEL / TRAINED)
    return backbone.eval(), record


def load_exported(record: RunRecord, folder: Path) -> Backbone:
    """Load what `dnaft.export` wrote, in evaluation mode: nothing of the run's own files is read.

    Args:
        record: What the run left.
        folder: A whole model with its head, or an adapter, its base beside it or where the run
            had it from.

    Raises:
        InputError: If the weights cannot be read.
    """
    if (folder / "config.json").is_file():
        backbone = rebuild(record, folder)
        backbone.head.load_state_dict(load_file(folder / HEAD))
    else:
        backbone = rebuild(record, folder / BASE if (folder / BASE).is_dir() else None)
        _load_adapter(backbone, folder)
    return backbone.eval()


def rebuild(record: RunRecord, source: Path | None) -> Backbone:
    """Build the model of a run as it was before its method: the base, and a fresh task head.

    Args:
        record: What the run left.
        source: Folder of the weights; None for where the run had them from.

    Raises:
        InputError: If the run had no language model, or the weights cannot be read.
    """
    config = model_node(record.config)
    if source is not None:
        config = {**config, "source": str(source), "revision": None}
    backbone = build(config, "model")
    if not isinstance(backbone, Backbone):
        raise InputError(f"{record.method} on {record.task}: no fine-tuned language model")
    positions = record.data["tokens"]["train"]["max"]
    backbone.attach_head(outputs=record.config["task"]["outputs"], positions=positions)
    return backbone


def _load_adapter(backbone: Backbone, folder: Path) -> None:
    """Put adapter and head on the model; PEFT would look on the hub for files that are missing."""
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: {name} is missing; get a whole copy of the run")
    load_adapter(backbone, folder)


def save_head(backbone: Backbone, file: Path) -> None:
    """Write the task head alone, as safetensors."""
    head = {k: v.detach().cpu().contiguous() for k, v in backbone.head.state_dict().items()}
    save_file(head, file)


def _load_trained(model: nn.Module, file: Path) -> None:
    """Put back what was trained; all of it has its place."""
    unknown = model.load_state_dict(load_file(file), strict=False).unexpected_keys
    if unknown:
        raise InputError(
            f"{file}: the model has no {unknown[0]}; the run was saved with another version of the "
            "model or of the method"
        )

"""Keep what a run trained, and load it again."""

from pathlib import Path
from typing import Any

from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import nn

from dnaft.config import build
from dnaft.errors import InputError
from dnaft.methods.plain_lora import save_as_lora
from dnaft.models.backbone import Backbone
from dnaft.record import RunRecord, read

ADAPTER = "adapter"  # PEFT's format, head included
BASE = "base"  # the random weights that the adapter belongs to, where no hub or folder has them
MODEL = "model"  # methods without an adapter: the fine-tuned weights
HEAD = "task_head.safetensors"


def save_model(backbone: Backbone, folder: Path) -> None:
    """Write adapter and head, or the fine-tuned weights, into the run folder.

    A method of PEFT leaves `adapter/`, loadable by `PeftModel.from_pretrained` onto the base model
    with a `task_head` attached; singular value decompositions become plain LoRA (`save_as_lora`).
    Full fine-tuning leaves a transformers folder `model/`, a linear probe only the head in it.

    Args:
        backbone: The trained backbone.
        folder: The run folder.
    """
    model = backbone.model
    if isinstance(model, PeftModel):
        for config in model.peft_config.values():
            config.base_model_name_or_path = backbone.source or BASE
        if save_as_lora(model, folder / ADAPTER):
            return
        # "auto" asks the hub whether the base vocabulary has changed; it has not.
        model.save_pretrained(str(folder / ADAPTER), save_embedding_layers=False)
        return
    (folder / MODEL).mkdir(exist_ok=True)
    head = {k: v.detach().cpu().contiguous() for k, v in backbone.head.state_dict().items()}
    save_file(head, folder / MODEL / HEAD)
    if any(p.requires_grad for n, p in model.named_parameters() if not n.startswith("task_head")):
        save_base(backbone, folder / MODEL)


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
    config = record.config["model"]
    fine_tuned = (folder / MODEL / "config.json").is_file()
    if fine_tuned:
        config = {**config, "source": str(folder / MODEL), "revision": None}
    elif (folder / BASE).is_dir():
        config = {**config, "source": str(folder / BASE), "revision": None}
    backbone = build(config, "model")
    if not isinstance(backbone, Backbone):
        raise InputError(f"{folder}: {record.method} is no fine-tuned language model")
    positions = record.data["tokens"]["train"]["max"]
    backbone.attach_head(outputs=record.config["task"]["outputs"], positions=positions)
    if (folder / ADAPTER).is_dir():
        trunk: Any = backbone.model
        backbone.model = PeftModel.from_pretrained(trunk, str(folder / ADAPTER))
    else:
        head: nn.Module = backbone.head
        head.load_state_dict(load_file(folder / MODEL / HEAD))
    return backbone.eval(), record

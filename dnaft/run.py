"""The recipe of one run: data, model, method, then one of the ways to learn."""

import time
from pathlib import Path
from typing import Any

from lightning import seed_everything

from dnaft.config import build, errors_at
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.dropout import quicken_dropout
from dnaft.errors import InputError
from dnaft.fine_tune_run import fine_tune
from dnaft.forgetting import load_forgetting
from dnaft.loggers import open_loggers
from dnaft.methods.checkpointing import checkpoint_gradients
from dnaft.methods.fuse import fuse_adapters
from dnaft.models.backbone import Backbone
from dnaft.models.quantise import check_quantised
from dnaft.models.requirements import require
from dnaft.outcome import finish_run
from dnaft.output import set_up_output
from dnaft.record import RunRecord
from dnaft.reporting import announce_run
from dnaft.saved_run import model_node


def run(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> RunRecord | None:
    """Carry out the run that `config` describes and write everything into `folder`.

    Args:
        config: The resolved configuration, plain values.
        folder: The run folder; it exists.
        choices: The name chosen in each configuration group.

    Returns:
        What result.json holds; None in all processes but the first.

    Raises:
        InputError: If the configuration or a file it names is wrong.
    """
    started = time.perf_counter()
    set_up_output()
    seed_everything(config["seed"], workers=True, verbose=False)
    announce_run(choices, config, folder)

    task: Task = build(config["task"], "task")
    if config["method"]["baseline"] is not None:
        from dnaft.baseline_run import run_baseline  # scikit-learn, which nothing else needs

        run_loggers = open_loggers(config, folder, choices)
        record = run_baseline(config, folder, choices, task, run_loggers, started)
        finish_run(record, folder, run_loggers)
        return record
    data = prepare_data(config, task)
    if config["method"]["probe"] is not None:
        from dnaft.layer_probe_run import run_layer_probe  # likewise

        model = load_base(config, data)
        return run_layer_probe(config, folder, choices, task, data, model, started)
    forgetting = load_forgetting(model_node(config), data) if config["eval"]["mlm"] else None
    backbone = prepare_backbone(config, task, data)
    return fine_tune(config, folder, choices, task, data, backbone, forgetting, started)


def prepare_data(config: dict[str, Any], task: Task) -> SequenceDataModule:
    """Read, check and tokenise the splits."""
    model = config["model"]
    if "_target_" not in model:
        raise InputError(
            f"model: method {config['method']['name']} needs a language model, and model=none is "
            "none; choose one, for example model=tiny"
        )
    require(model.get("requires") or ())
    with errors_at("method.quantise"):
        check_quantised(config["method"]["quantise"], model.get("source"))
    tokenizer = build(config["tokenizer"], "tokenizer")
    make = build(config["data"], "data")
    virtual = config["method"]["virtual_tokens"]
    if virtual >= model["max_tokens"]:
        raise InputError(
            f"method.virtual_tokens: {virtual} leave no room for sequences in model.max_tokens="
            f"{model['max_tokens']}; take fewer"
        )
    room = model["max_tokens"] - virtual
    data: SequenceDataModule = make(
        task=task,
        tokenizer=tokenizer,
        max_tokens=room,
        train_in_order=config["method"]["probe"] is not None,
    )
    data.prepare_data()
    data.setup("fit")
    return data


def load_base(config: dict[str, Any], data: SequenceDataModule) -> Backbone:
    """Load the model, and check that the tokens have their rows in its embedding."""
    backbone: Backbone = build(model_node(config), "model")
    rows = backbone.vocabulary_size
    if data.tokenizer.vocab_size > rows:
        raise InputError(
            f"tokenizer: its {data.tokenizer.vocab_size:,} tokens do not fit the {rows:,} rows of "
            f"the embedding of model {backbone.name}; choose the tokenizer that the model was "
            "trained with"
        )
    return backbone


def prepare_backbone(config: dict[str, Any], task: Task, data: SequenceDataModule) -> Backbone:
    """Load the model, give it a head and inject the method."""
    backbone = load_base(config, data)
    method = config["method"]
    with errors_at("method.head_dropout"):
        positions = data.summary()["tokens"]["train"]["max"]
        backbone.attach_head(task.outputs, method["head_dropout"], positions)
    adapt(backbone, config)
    return backbone


def adapt(backbone: Backbone, config: dict[str, Any]) -> None:
    """Inject the method into a model that has its head, and what `fast` wants with it."""
    fast = config["fast"]
    build(config["method"]["inject"], "method.inject")(backbone)
    if fast["fused_adapters"]:
        fuse_adapters(backbone)
    if fast["gradient_checkpointing"]:
        with errors_at("fast.gradient_checkpointing"):
            checkpoint_gradients(backbone)
    if fast["dropout"]:
        quicken_dropout(backbone)

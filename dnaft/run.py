"""The recipe of one run: data, model, method, training, choice on dev, one look at test."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from lightning import Callback, Trainer, seed_everything
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar

from dnaft import environment
from dnaft.baseline_run import run_baseline
from dnaft.callbacks.early_stopping import describe_end
from dnaft.callbacks.epoch_lines import EpochLines
from dnaft.callbacks.throughput import Throughput
from dnaft.config import build, errors_at
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.finetuner import FineTuner, predict
from dnaft.flops import count_step_flops
from dnaft.forgetting import Forgetting, load_forgetting
from dnaft.label_scores import score_labels
from dnaft.label_table import FILE as LABEL_TABLE
from dnaft.label_table import write_label_table
from dnaft.layer_probe_run import run_layer_probe
from dnaft.losses import LossSettings
from dnaft.metrics import default_metric, score, to_scores
from dnaft.models.backbone import Backbone
from dnaft.models.quantise import check_quantised
from dnaft.models.requirements import require
from dnaft.outcome import (
    count_kept_parameters,
    count_ranks,
    finish_run,
    restore_best,
    write_rank_history,
)
from dnaft.output import set_up_output
from dnaft.predictions import write_predictions
from dnaft.record import RunRecord
from dnaft.reporting import announce_run, describe_parameters
from dnaft.run_folder import CHECKPOINTS, last_checkpoint
from dnaft.saved_run import BASE, model_node, save_base, save_model

C = TypeVar("C", bound=Callback)


def run(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> RunRecord:
    """Carry out the run that `config` describes and write everything into `folder`.

    Args:
        config: The resolved configuration, plain values.
        folder: The run folder; it exists.
        choices: The name chosen in each configuration group.

    Returns:
        What result.json holds.

    Raises:
        InputError: If the configuration or a file it names is wrong.
    """
    started = time.perf_counter()
    set_up_output()
    seed_everything(config["seed"], workers=True, verbose=False)
    announce_run(choices, config, folder)

    task: Task = build(config["task"], "task")
    if config["method"]["baseline"] is not None:
        record = run_baseline(config, folder, choices, task, started)
        finish_run(record, folder, [])
        return record
    data = prepare_data(config, task)
    if config["method"]["probe"] is not None:
        model = load_base(config, data)
        return run_layer_probe(config, folder, choices, task, data, model, started)
    forgetting = load_forgetting(config["model"], data) if config["eval"]["mlm"] else None
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
    build(method["inject"], "method.inject")(backbone)
    return backbone


def build_callbacks(config: dict[str, Any], folder: Path, metric: str) -> list[Callback]:
    """Return the checkpoint that dev chooses, the stopwatch, and what the configuration names."""
    best = ModelCheckpoint(
        dirpath=folder / CHECKPOINTS,
        filename="best",
        monitor=f"dev/{metric}",
        mode="max",
        save_last=True,
        enable_version_counter=False,
    )
    callbacks: list[Callback] = [best, Throughput()]
    for key, node in (
        ("method.callbacks", config["method"]["callbacks"]),
        ("callbacks", config["callbacks"]),
    ):
        for name, callback in build(node, key).items():
            if not isinstance(callback, Callback):
                raise InputError(
                    f"{key}.{name}: not a callback of method {config['method']['name']}; a preset "
                    "or override names settings that this method does not have"
                )
            callbacks.append(callback)
    bar = TQDMProgressBar(refresh_rate=5, leave=True)
    callbacks.append(bar if shows_bar(config) else EpochLines(metric))
    return callbacks


def fine_tune(
    config: dict[str, Any],
    folder: Path,
    choices: dict[str, str],
    task: Task,
    data: SequenceDataModule,
    backbone: Backbone,
    forgetting: Forgetting | None,
    started: float,
) -> RunRecord:
    """Fit, choose the checkpoint on dev, then score dev and test once."""
    method = config["method"]
    settings: LossSettings = build(config["loss"], "loss")
    with errors_at("loss"):
        loss = settings.build(task.kind, task.outputs, data.train_labels)
    with errors_at("method.orthogonality_weight"):
        module = FineTuner(
            backbone,
            kind=task.kind,
            outputs=task.outputs,
            optimizer=build(method["optimizer"], "method.optimizer"),
            orthogonality_weight=method["orthogonality_weight"],
            loss=loss,
        )
    metric = task.choose_by or default_metric(task.kind)
    callbacks = build_callbacks(config, folder, metric)
    run_loggers = build(config["logger"], "logger")(folder)
    trainer: Trainer = build(config["trainer"], "trainer")(
        callbacks=callbacks,
        logger=run_loggers,
        default_root_dir=folder,
        enable_progress_bar=shows_bar(config),
    )
    parameters = describe_parameters(backbone)
    step_flops = count_step_flops(backbone, task.kind, next(iter(data.train_dataloader())))

    if forgetting is not None:
        forgetting.score_before(trainer.strategy.root_device)
    resume_from = last_checkpoint(folder) if config["resume"] else None
    try:
        trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
    except (MisconfigurationException, ValueError) as error:
        if isinstance(error, InputError) or trainer.global_step > 0:
            raise
        # Before the first step it is the trainer that refuses its settings.
        raise InputError(f"trainer: {str(error).strip()}") from error
    if trainer.global_step == 0:
        raise InputError(
            "trainer: not one training step; raise trainer.max_epochs, trainer.max_steps or "
            "trainer.limit_train_batches"
        )
    ranks: dict[str, Any] = {}
    if module.triplets:
        ranks = {
            "end": count_ranks(backbone),
            "parameters": {"end": count_kept_parameters(backbone)},
        }
    chosen_step = restore_best(module, one(callbacks, ModelCheckpoint), trainer.global_step)
    if module.triplets:
        ranks["chosen"] = count_ranks(backbone)
        ranks["parameters"]["chosen"] = count_kept_parameters(backbone)
    write_rank_history(callbacks, folder)
    save_model(backbone, folder)
    if backbone.source is None and not all(p.requires_grad for p in backbone.parameters()):
        # Random weights come from their seed, but not from every version of torch.
        save_base(build(config["model"], "model"), folder / BASE)

    # Chosen: from here on the test split is looked at, once, with the weights that were saved.
    scores, by_label = {}, []
    device = trainer.strategy.root_device
    for split, loader in (("dev", data.val_dataloader()), ("test", data.test_dataloader())):
        logits, labels = predict(backbone.to(device), loader)
        scores[split] = score(task.kind, task.outputs, logits, labels)
        if task.kind == "multilabel":
            by_label += score_labels(split, logits, labels, task.label_names(data.data_dir))
        if split == "test":
            file = folder / "test_predictions.parquet"
            write_predictions(file, logits, labels, as_scores=partial(to_scores, task.kind))
    if by_label:
        write_label_table(folder / LABEL_TABLE, by_label)

    language = {} if forgetting is None else forgetting.score_after(backbone)
    watch = one(callbacks, Throughput)
    record = RunRecord(
        task=task.name,
        model=choices["model"],
        method=choices["method"],
        seed=config["seed"],
        config=config,
        code_version=environment.code_version(),
        data=data.summary(),
        parameters=parameters,
        scores=scores,
        chosen={"step": chosen_step, "metric": metric, "value": scores["dev"][metric]},
        training={
            "class_weights": loss.class_weights,
            "stopped": describe_end(trainer, callbacks),
        },
        timing={
            "seconds": time.perf_counter() - started,
            "train_seconds": watch.seconds,
            "samples_per_second": watch.samples_per_second,
            "steps": trainer.global_step,
        },
        memory=environment.peak_memory(),
        flops={"per_step": step_flops, "total": step_flops * trainer.global_step},
        forgetting=language,
        ranks=ranks,
        environment=environment.describe(),
    )
    finish_run(record, folder, run_loggers)
    return record


def shows_bar(config: dict[str, Any]) -> bool:
    """Whether a progress bar is wanted and someone can see it move."""
    return bool(config["progress"]) and sys.stdout.isatty()


def one(callbacks: list[Callback], kind: type[C]) -> C:
    """Return the first callback of a class."""
    return next(callback for callback in callbacks if isinstance(callback, kind))

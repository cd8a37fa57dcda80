"""The recipe of one run: data, model, method, training, choice on dev, one look at test."""

import math
import time
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar

from dnaft import environment, loggers
from dnaft.baseline_run import run_baseline
from dnaft.callbacks.rank_plot import plot_ranks
from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.callbacks.throughput import Throughput
from dnaft.config import build, errors_at
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.finetuner import FineTuner, score
from dnaft.flops import count_step_flops
from dnaft.methods.triplets import find_triplets
from dnaft.metrics import default_metric, to_scores
from dnaft.models.backbone import Backbone
from dnaft.predictions import write_predictions
from dnaft.record import RunRecord
from dnaft.output import set_up_output
from dnaft.reporting import announce_run, describe_parameters, show_results
from dnaft.run_folder import CHECKPOINTS, RESULT, last_checkpoint
from dnaft.saved_run import BASE, save_base, save_model

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
    backbone = prepare_backbone(config, task, data)
    return train(config, folder, choices, task, data, backbone, started)


def prepare_data(config: dict[str, Any], task: Task) -> SequenceDataModule:
    """Read, check and tokenise the splits."""
    model = config["model"]
    if "_target_" not in model:
        raise InputError(
            f"model: method {config['method']['name']} fine-tunes a language model, and "
            "model=none has none; choose one, for example model=tiny"
        )
    tokenizer = build(config["tokenizer"], "tokenizer")
    make = build(config["data"], "data")
    data: SequenceDataModule = make(task=task, tokenizer=tokenizer, max_tokens=model["max_tokens"])
    data.prepare_data()
    data.setup("fit")
    return data


def prepare_backbone(config: dict[str, Any], task: Task, data: SequenceDataModule) -> Backbone:
    """Load the model, give it a head and inject the method."""
    backbone: Backbone = build(config["model"], "model")
    rows = backbone.vocabulary_size
    if data.tokenizer.vocab_size > rows:
        raise InputError(
            f"tokenizer: its {data.tokenizer.vocab_size:,} tokens do not fit the {rows:,} rows of "
            f"the embedding of model {backbone.name}; choose the tokenizer that the model was "
            "trained with"
        )
    method = config["method"]
    with errors_at("method.head_dropout"):
        backbone.attach_head(task.outputs, method["head_dropout"])
    build(method["inject"], "method.inject")(backbone)
    return backbone


def train(
    config: dict[str, Any],
    folder: Path,
    choices: dict[str, str],
    task: Task,
    data: SequenceDataModule,
    backbone: Backbone,
    started: float,
) -> RunRecord:
    """Fit, choose the checkpoint on dev, then score dev and test once."""
    method = config["method"]
    with errors_at("method.orthogonality_weight"):
        module = FineTuner(
            backbone,
            kind=task.kind,
            outputs=task.outputs,
            optimizer=build(method["optimizer"], "method.optimizer"),
            orthogonality_weight=method["orthogonality_weight"],
        )
    if backbone.source is None:
        save_base(backbone, folder / BASE)
    parameters = describe_parameters(backbone)
    first = next(iter(data.train_dataloader()))
    step_flops = count_step_flops(backbone, task.kind, first)
    metric = task.choose_by or default_metric(task.kind)
    best = ModelCheckpoint(
        dirpath=folder / CHECKPOINTS,
        filename="best",
        monitor=f"dev/{metric}",
        mode="max",
        save_last=True,
        enable_version_counter=False,
    )
    watch = Throughput()
    callbacks: list[Callback] = [best, watch]
    callbacks += build(method["callbacks"], "method.callbacks").values()
    callbacks += build(config["callbacks"], "callbacks").values()
    if config["progress"]:
        callbacks.append(TQDMProgressBar(refresh_rate=5, leave=True))
    run_loggers = build(config["logger"], "logger")(folder)
    trainer: Trainer = build(config["trainer"], "trainer")(
        callbacks=callbacks,
        logger=run_loggers,
        default_root_dir=folder,
        enable_progress_bar=config["progress"],
    )
    resume_from = last_checkpoint(folder) if config["resume"] else None
    with errors_at("method.callbacks"):
        trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    samplers = [callback for callback in callbacks if isinstance(callback, RankSampler)]
    for sampler in samplers:
        sampler.history.write_csv(folder / "ranks.csv")
        if sampler.history.rows:
            plot_ranks(sampler.history, folder / "ranks.png")

    steps, final_ranks = trainer.global_step, count_ranks(backbone)
    chosen_step = restore_best(module, best, steps)
    save_model(backbone, folder)
    scores = {}
    for split, loader in (("dev", data.val_dataloader()), ("test", data.test_dataloader())):
        outputs = trainer.predict(module, loader, ckpt_path=None)
        logits = torch.cat([part[0] for part in outputs])  # type: ignore[index,union-attr]
        labels = torch.cat([part[1] for part in outputs])  # type: ignore[index,union-attr]
        scores[split] = score(task.kind, task.outputs, logits, labels)
        if split == "test":
            file = folder / "test_predictions.parquet"
            write_predictions(file, to_scores(task.kind, logits), labels)

    record = RunRecord(
        task=choices["task"],
        model=choices["model"],
        method=choices["method"],
        seed=config["seed"],
        config=config,
        code_version=environment.code_version(),
        data=data.summary(),
        parameters=parameters,
        scores=scores,
        chosen={"step": chosen_step, "metric": metric, "value": scores["dev"][metric]},
        timing={
            "seconds": time.perf_counter() - started,
            "train_seconds": watch.seconds,
            "samples_per_second": watch.samples_per_second,
        },
        memory=environment.peak_memory(),
        flops={"per_step": step_flops, "total": step_flops * steps},
        ranks={"chosen": count_ranks(backbone), "end": final_ranks} if samplers else {},
        environment=environment.describe(),
    )
    finish_run(record, folder, run_loggers)
    return record


def restore_best(module: FineTuner, best: ModelCheckpoint, last_step: int) -> int:
    """Put the checkpoint that dev chose back into the module; return its optimiser step."""
    if not best.best_model_path:
        # A run shorter than trainer.val_check_interval: there was nothing to choose from.
        return last_step
    checkpoint = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"], strict=False)
    return int(checkpoint["global_step"])


def count_ranks(backbone: Backbone) -> dict[str, int]:
    """Return how many singular values of each matrix are not zero."""
    return {g.name: int(g.values.count_nonzero()) for g in find_triplets(backbone)}


def finish_run(record: RunRecord, folder: Path, run_loggers: list[Any]) -> None:
    """Write the record, close the dashboard and tell the user."""
    flat = {
        f"{split}/{name}": value
        for split, scores in record.scores.items()
        for name, value in scores.items()
        if not math.isnan(value)
    }
    # The record comes last: a folder with it is a finished run.
    lines = loggers.finish(run_loggers, flat, dict(record.config))
    record.write(folder / RESULT)
    show_results(record, folder, lines)

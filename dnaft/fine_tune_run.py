"""The recipe of fine-tuning: training, choice on dev, one look at test."""

import logging
import sys
from pathlib import Path
from typing import Any, TypeVar

from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import TQDMProgressBar

from dnaft.callbacks.checkpoints import LateChoice, newest
from dnaft.callbacks.early_stopping import describe_end
from dnaft.callbacks.epoch_lines import EpochLines
from dnaft.callbacks.frozen_shards import FrozenShards
from dnaft.callbacks.throughput import Throughput
from dnaft.callbacks.train_together import TrainTogether
from dnaft.config import build, errors_at
from dnaft.dashboard.show import show_predictions
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.finetuner import FineTuner, predict
from dnaft.flops import count_step_flops
from dnaft.forgetting import Forgetting
from dnaft.frozen_states import use_frozen_states
from dnaft.loggers import open_loggers
from dnaft.losses import LossSettings
from dnaft.methods.frozen_bf16 import FrozenMatrices
from dnaft.metrics import default_metric
from dnaft.models.backbone import Backbone
from dnaft.outcome import (
    count_kept_parameters,
    count_ranks,
    finish_run,
    make_record,
    restore_best,
    write_rank_history,
)
from dnaft.precision import choose_precision
from dnaft.record import RunRecord
from dnaft.reporting import describe_parameters
from dnaft.run_folder import CHECKPOINTS, last_checkpoint
from dnaft.saved_run import BASE, model_node, save_base, save_model
from dnaft.split_scores import score_splits
from dnaft.strategy import build_trainer, is_one_of_several, shards_frozen, trainer_precision
from dnaft.together.seat import SEAT

C = TypeVar("C", bound=Callback)
log = logging.getLogger(__name__)


def fine_tune(
    config: dict[str, Any],
    folder: Path,
    choices: dict[str, str],
    task: Task,
    data: SequenceDataModule,
    backbone: Backbone,
    forgetting: Forgetting | None,
    started: float,
) -> RunRecord | None:
    """Fit, choose the checkpoint on dev, then score dev and test once.

    With `eval.choose_on=test` the test split takes the place of dev in the choice; the record says
    so.

    Returns:
        What result.json holds; None in all processes but the first, which alone writes.
    """
    watched = data.watched = config["eval"]["choose_on"]
    if watched == "test":
        log.warning(
            "eval.choose_on=test: the test split chooses the checkpoint, so its score is too good. "
            "result.json and the report say so; never put it beside scores chosen on dev"
        )
    module = build_module(config, task, data, backbone)
    metric = task.choose_by or default_metric(task.kind)
    callbacks = build_callbacks(config, folder, metric, started)
    sharded = is_one_of_several() and shards_frozen(config)
    if sharded:
        callbacks.append(FrozenShards(backbone))
    seat = SEAT.get()
    if seat is not None:
        callbacks.append(TrainTogether(seat, data.tokenizer.pad_id))
    trainer = build_trainer(
        config["trainer"],
        callbacks=callbacks,
        logger=False,
        default_root_dir=folder,
        enable_progress_bar=shows_bar(config),
    )
    run_loggers: list[Any] = []
    if trainer.is_global_zero:
        run_loggers = trainer.loggers = open_loggers(config, folder, choices)
        if config["trainer"].get("precision") == "auto":
            log.info("precision %s: %s", *trainer_precision(config["trainer"]))
    data.trainer = trainer  # says which part of a batch is ours
    parameters = describe_parameters(backbone)
    fast = config["fast"]
    # Reading states needs the whole model on the device, which parted weights are to spare.
    frozen = (
        use_frozen_states(backbone, data, trainer, fast["cache_gib"])
        if fast["frozen_states"] and not sharded
        else None
    )
    first_batch = next(iter(data.train_dataloader()))
    step_flops = count_step_flops(backbone, task.kind, first_batch) * trainer.world_size
    # Kept states are not free because an earlier run has paid for them.
    read_flops = 0 if frozen is None else frozen.pop("flops")

    if forgetting is not None:
        forgetting.score_before(trainer.strategy.root_device)
    rounded = None if sharded else round_frozen(backbone, fast["frozen_bf16"], trainer)
    resume_from = last_checkpoint(folder) if config["resume"] else None
    fit(trainer, module, data, resume_from)
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
    best = one(callbacks, LateChoice)
    chosen_step = restore_best(module, best, trainer.global_step)
    if module.triplets:
        ranks["chosen"] = count_ranks(backbone)
        ranks["parameters"]["chosen"] = count_kept_parameters(backbone)
    if rounded is not None:
        rounded.restore(build(model_node(config), "model").model)

    # Chosen: from here on the test split is looked at, once, with the weights that are saved.
    device = trainer.strategy.root_device
    backbone.to(device)
    orders = ((split, data.scoring_order(split)) for split in ("dev", "test"))
    predicted = (
        (split, *predict(backbone, data.in_order(split, order), order)) for split, order in orders
    )
    if not trainer.is_global_zero:
        for _ in predicted:
            pass
        return None
    write_rank_history(callbacks, folder)
    save_model(backbone, folder)
    if backbone.source is None and not all(p.requires_grad for p in backbone.parameters()):
        # Random weights come from their seed, but not from every version of torch.
        save_base(build(config["model"], "model"), folder / BASE)
    shown = show_predictions(run_loggers, task, data.data_dir, data.targets, predicted)
    scores = score_splits(task, data.data_dir, folder, shown, data.targets)

    language = {} if forgetting is None else forgetting.score_after(backbone)
    watch = one(callbacks, Throughput)
    record = make_record(
        config,
        choices,
        started - watch.earlier_seconds,
        data=data.summary(),
        parameters=parameters,
        scores=scores,
        chosen={
            "step": chosen_step,
            "metric": metric,
            "value": scores[watched][metric],
            "split": watched,
            "by_score": bool(best.best_model_path),
        },
        training={
            "class_weights": module.loss.class_weights,
            "frozen_states": frozen,
            "precision": str(trainer.precision),
            "processes": trainer.world_size,
            "stopped": describe_end(trainer, callbacks),
            "together": 1 if seat is None else seat.most,
        },
        timing={
            "train_seconds": watch.seconds,
            "samples_per_second": watch.samples_per_second,
            "steps": trainer.global_step,
        },
        flops={
            "per_step": step_flops,
            "read": read_flops,
            "total": read_flops + step_flops * trainer.global_step,
        },
        forgetting=language,
        ranks=ranks,
    )
    finish_run(record, folder, run_loggers)
    return record


def build_module(
    config: dict[str, Any], task: Task, data: SequenceDataModule, backbone: Backbone
) -> FineTuner:
    """Return what is trained: the model with loss and optimiser."""
    method = config["method"]
    settings: LossSettings = build(config["loss"], "loss")
    with errors_at("loss"):
        loss = settings.build(task.kind, task.outputs, data.train_labels)
    with errors_at("method.orthogonality_weight"):
        return FineTuner(
            backbone,
            kind=task.kind,
            outputs=task.outputs,
            optimizer=build(method["optimizer"], "method.optimizer"),
            orthogonality_weight=method["orthogonality_weight"],
            loss=loss,
            watched=config["eval"]["choose_on"],
        )


def fit(
    trainer: Trainer, module: FineTuner, data: SequenceDataModule, resume_from: Path | None = None
) -> None:
    """Train.

    Raises:
        InputError: If the trainer refuses its settings.
    """
    try:
        trainer.fit(module, datamodule=data, ckpt_path=resume_from, weights_only=True)
    except (MisconfigurationException, ValueError) as error:
        if isinstance(error, InputError) or trainer.global_step > 0:
            raise
        # Before the first step it is the trainer that refuses its settings.
        raise InputError(f"trainer: {str(error).strip()}") from error


def round_frozen(
    backbone: Backbone, wanted: bool | None, trainer: Trainer
) -> FrozenMatrices | None:
    """Keep the frozen matrices in bfloat16 if that is wanted, or null and the hardware's own."""
    mixed = trainer.precision == "bf16-mixed"
    device = trainer.strategy.root_device
    if wanted and not mixed:
        raise InputError(
            f"fast.frozen_bf16: is true, and trainer.precision={trainer.precision} computes with "
            "all digits of the frozen matrices; set trainer.precision=bf16-mixed, or leave it out"
        )
    if wanted is None:
        wanted = mixed and choose_precision("auto", device.type)[0] == "bf16-mixed"
    if not wanted:
        return None
    frozen = FrozenMatrices(backbone.to(device))
    frozen.round()
    log.info("frozen matrices in bfloat16: %.1f MiB less", frozen.bytes_saved / 2**20)
    return frozen


def build_callbacks(
    config: dict[str, Any], folder: Path, metric: str, started: float
) -> list[Callback]:
    """Return checkpoints, the stopwatch, and what method and configuration name."""
    watched = config["eval"]["choose_on"]
    best = LateChoice(
        config["eval"]["choose_after"],
        dirpath=folder / CHECKPOINTS,
        filename="best",
        monitor=f"{watched}/{metric}",
        mode="max",
        enable_version_counter=False,
    )
    # In this order: the newest knows which one was chosen.
    callbacks: list[Callback] = [best, newest(folder / CHECKPOINTS), Throughput(started)]
    callbacks += method_callbacks(config)
    callbacks += _named_callbacks(config, "callbacks", config["callbacks"])
    bar = TQDMProgressBar(refresh_rate=5, leave=True)
    callbacks.append(bar if shows_bar(config) else EpochLines(metric, watched))
    return callbacks


def method_callbacks(config: dict[str, Any]) -> list[Callback]:
    """Return the callbacks of the method."""
    return _named_callbacks(config, "method.callbacks", config["method"]["callbacks"])


def _named_callbacks(config: dict[str, Any], key: str, node: dict[str, Any]) -> list[Callback]:
    callbacks = []
    for name, callback in build(node, key).items():
        if not isinstance(callback, Callback):
            raise InputError(
                f"{key}.{name}: not a callback of method {config['method']['name']}; a preset "
                "or override names settings that this method does not have"
            )
        callbacks.append(callback)
    return callbacks


def shows_bar(config: dict[str, Any]) -> bool:
    """Whether a progress bar is wanted and someone can see it move."""
    return bool(config["progress"]) and sys.stdout.isatty()


def one(callbacks: list[Callback], kind: type[C]) -> C:
    """Return the first callback of a class."""
    return next(callback for callback in callbacks if isinstance(callback, kind))

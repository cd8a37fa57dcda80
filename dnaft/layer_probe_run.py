"""The recipe of layer probing: each split is read once, a linear model fitted to every layer."""

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Trainer
from numpy.typing import NDArray

from dnaft.baselines.choice import Choice, undefined_on_dev
from dnaft.baselines.estimators import Array
from dnaft.baselines.layer_curve import (
    ProbedLayer,
    best_layer,
    describe_curve,
    name_states,
    write_curve,
)
from dnaft.baselines.layer_plot import plot_layers
from dnaft.baselines.layer_probe import LayerProbe
from dnaft.config import build
from dnaft.dashboard.show import show_predictions
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.layer_cache import LayerReader
from dnaft.loggers import open_loggers
from dnaft.metrics import default_metric, score
from dnaft.models.backbone import Backbone
from dnaft.models.quantise import numel
from dnaft.outcome import finish_run, make_record
from dnaft.record import RunRecord
from dnaft.saved_probe import PROBES, save_probes
from dnaft.saved_run import BASE, save_base
from dnaft.split_scores import score_splits
from dnaft.strategy import resolve_precision

log = logging.getLogger(__name__)


def run_layer_probe(
    config: dict[str, Any],
    folder: Path,
    choices: dict[str, str],
    task: Task,
    data: SequenceDataModule,
    backbone: Backbone,
    started: float,
) -> RunRecord:
    """Read all layers of the splits, fit a probe to each, let dev choose, then score test.

    Args:
        config: The resolved configuration; `method.probe` describes the linear models.
        folder: The run folder.
        choices: The name chosen in each configuration group.
        task: The task.
        data: Its splits, train readable in order.
        backbone: The model; it stays as it is.
        started: `time.perf_counter()` at the start of the run.

    Raises:
        InputError: If the model does not hand out its layers, train lacks a class, or dev defines
            no score under any layer.
    """
    probe: LayerProbe = build(config["method"]["probe"], "method.probe")
    metric = task.choose_by or default_metric(task.kind)
    run_loggers = open_loggers(config, folder, choices)
    fast = config["fast"]
    room = fast["cache_gib"] if fast["frozen_states"] else None
    reader = LayerReader(backbone.to(_device(config, folder)), data, room)
    train, dev = reader.read("train"), reader.read("dev")
    labels = {split: np.asarray(t.labels, dtype=np.float64) for split, t in data.tables.items()}

    fitting = time.perf_counter()
    curve = []
    for layer, state in enumerate(name_states(len(dev))):
        features = train[layer], dev[layer]
        choice = probe.fit(
            features, (labels["train"], labels["dev"]), task.kind, task.outputs, metric
        )
        scores = {"dev": _score(task, choice, dev[layer], labels["dev"])}
        curve.append(ProbedLayer(layer, state, dev[layer].shape[1], choice, scores))
        log.info("layer %d: dev %s %.4f", layer, metric, scores["dev"][metric])
    fit_seconds = time.perf_counter() - fitting
    del train
    best = best_layer(curve, metric)
    if best is None:
        raise InputError(undefined_on_dev(metric))

    # Chosen: from here on the test split is looked at, once by each layer, for the curve.
    test = reader.read("test")
    for row in curve:
        row.scores["test"] = _score(task, row.choice, test[row.layer], labels["test"])
    states = {"dev": dev[best.layer], "test": test[best.layer]}
    predicted = (
        (s, _logits(best.choice, of_split), torch.from_numpy(data.tables[s].labels))
        for s, of_split in states.items()
    )
    shown = show_predictions(run_loggers, task, data.data_dir, data.targets, predicted)
    scores = score_splits(task, data.data_dir, folder, shown, data.targets)
    save_probes([row.choice.weights for row in curve], folder / PROBES)
    if backbone.source is None:
        # Random weights come from their seed, but not from every version of torch.
        save_base(backbone.cpu(), folder / BASE)
    write_curve(folder / "layers.csv", curve)
    plot_layers(curve, best.layer, metric, folder / "layers.png")
    print("\nlinear probes of each layer; the star is what dev chose, test chooses nothing:\n")
    print(describe_curve(curve, best.layer, metric))

    trainable = best.choice.weights.trainable
    total = trainable + sum(numel(p) for p in backbone.parameters())
    record = make_record(
        config,
        choices,
        started,
        data=data.summary(),
        parameters={"trainable": trainable, "total": total, "fraction": trainable / total},
        scores=scores,
        chosen={
            "step": None,
            "metric": metric,
            "value": scores["dev"][metric],
            "layer": best.layer,
            "state": best.state,
            "width": best.width,
            "penalty": best.choice.penalty,
            "at_edge_of_grid": best.choice.at_edge,
            "dev_scores": {str(row.layer): row.scores["dev"][metric] for row in curve},
        },
        timing={
            "train_seconds": fit_seconds,
            "read_seconds": reader.seconds,
            "samples_per_second": reader.rows_read / reader.seconds if reader.rows_read else None,
        },
        training={"frozen_states": reader.summary()},
        flops={"per_step": None, "total": None},
    )
    finish_run(record, folder, run_loggers)
    return record


def _device(config: dict[str, Any], folder: Path) -> torch.device:
    """Return where the trainer would train."""
    trainer: Trainer = build(resolve_precision(config["trainer"]), "trainer")(
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        default_root_dir=folder,
    )
    return trainer.strategy.root_device


def _logits(choice: Choice, states: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(choice.weights.apply(states.astype(np.float64)))


def _score(
    task: Task, choice: Choice, states: NDArray[np.float32], labels: Array
) -> dict[str, float]:
    return score(task.kind, task.outputs, _logits(choice, states), torch.from_numpy(labels))

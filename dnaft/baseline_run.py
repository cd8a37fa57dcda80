"""The recipe of a baseline: the same data, the same scores, the same result.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.loggers import Logger

from dnaft.baselines.linear import LinearBaseline
from dnaft.config import build
from dnaft.dashboard.show import show_predictions
from dnaft.data.splits import load_splits
from dnaft.data.table import SequenceTable
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.metrics import default_metric
from dnaft.outcome import make_record
from dnaft.record import RunRecord
from dnaft.split_scores import score_splits


def refuse_what_baselines_pass_over(train: SequenceTable, method: str) -> None:
    """Raise if the task gives rows something that a linear model does not read.

    Raises:
        InputError: If windows are to be shifted, or rows say their species.
    """
    for key, off, given in (
        ("jitter_bp", "0", train.jitter),
        ("species_column", "null", train.species),
    ):
        if given is not None:
            raise InputError(
                f"task.source.{key}: method {method} is a linear model that does not read it; "
                f"set task.source.{key}={off}"
            )


def refuse_language_model(config: Mapping[str, Any]) -> None:
    """Raise if a model was chosen for a method that has none.

    Raises:
        InputError: If there is one.
    """
    if "_target_" in config["model"]:
        raise InputError(
            f"model: method {config['method']['name']} uses no language model; leave out "
            f"model={config['model']['name']}"
        )


def run_baseline(
    config: dict[str, Any],
    folder: Path,
    choices: dict[str, str],
    task: Task,
    run_loggers: list[Logger],
    started: float,
) -> RunRecord:
    """Fit the linear model, its penalty chosen on dev, and score test once.

    Args:
        config: The resolved configuration; `method.baseline` describes the model.
        folder: The run folder.
        choices: The name chosen in each configuration group.
        task: The task.
        run_loggers: What `open_loggers` returned.
        started: `time.perf_counter()` at the start of the run.

    Raises:
        InputError: If a language model was asked for, too, or data are wrong.
    """
    refuse_language_model(config)
    baseline: LinearBaseline = build(config["method"]["baseline"], "method.baseline")
    splits = load_splits(task, config["data_dir"])
    refuse_what_baselines_pass_over(splits.tables["train"], choices["method"])
    metric = task.choose_by or default_metric(task.kind)
    fit = baseline.fit(splits.tables, task.kind, task.outputs, metric)
    choice, trainable = fit.choice, fit.choice.weights.trainable
    predicted = (
        (s, torch.from_numpy(fit.predict(s)), torch.from_numpy(splits.tables[s].labels))
        for s in ("dev", "test")
    )
    shown = show_predictions(run_loggers, task, config["data_dir"], splits.targets, predicted)
    scores = score_splits(task, config["data_dir"], folder, shown, splits.targets)
    rows = len(splits.tables["train"])
    return make_record(
        config,
        choices,
        started,
        data={
            **splits.summary,
            "truncation": {
                s: {"sequences": fit.count_cut(s), "rows": len(splits.tables[s])} for s in scores
            },
        },
        parameters={"trainable": trainable, "total": trainable, "fraction": 1.0},
        scores=scores,
        chosen={
            "step": None,
            "metric": metric,
            "value": scores["dev"][metric],
            "penalty": choice.penalty,
            "dev_scores": {str(p): score for p, score in choice.dev_scores.items()},
            "at_edge_of_grid": choice.at_edge,
        },
        timing={
            "train_seconds": fit.seconds,
            "samples_per_second": rows * len(choice.dev_scores) / fit.seconds,
        },
        flops={"per_step": None, "total": None},
    )

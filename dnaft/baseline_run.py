"""The recipe of a baseline: the same data, the same scores, the same result.json."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import torch

from dnaft import environment
from dnaft.baselines.linear import LinearBaseline
from dnaft.config import build
from dnaft.data.splits import load_splits
from dnaft.data.table import SequenceTable
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.label_scores import score_labels
from dnaft.label_table import FILE as LABEL_TABLE
from dnaft.label_table import write_label_table
from dnaft.metrics import default_metric, score, to_scores
from dnaft.predictions import write_predictions
from dnaft.record import RunRecord


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


def run_baseline(
    config: dict[str, Any], folder: Path, choices: dict[str, str], task: Task, started: float
) -> RunRecord:
    """Fit the linear model, its penalty chosen on dev, and score test once.

    Args:
        config: The resolved configuration; `method.baseline` describes the model.
        folder: The run folder.
        choices: The name chosen in each configuration group.
        task: The task.
        started: `time.perf_counter()` at the start of the run.

    Raises:
        InputError: If a language model was asked for, too, or data are wrong.
    """
    if "_target_" in config["model"]:
        raise InputError(
            f"model: method {choices['method']} uses no language model; leave out "
            f"model={choices['model']}"
        )
    baseline: LinearBaseline = build(config["method"]["baseline"], "method.baseline")
    splits = load_splits(task, config["data_dir"])
    refuse_what_baselines_pass_over(splits.tables["train"], choices["method"])
    metric = task.choose_by or default_metric(task.kind)
    fit = baseline.fit(splits.tables, task.kind, task.outputs, metric)
    choice, trainable = fit.choice, fit.choice.weights.trainable
    scores, by_label = {}, []
    for split in ("dev", "test"):
        logits = torch.from_numpy(fit.predict(split))
        labels = torch.from_numpy(splits.tables[split].labels)
        scores[split] = score(task.kind, task.outputs, logits, labels)
        if task.kind == "multilabel":
            names = task.label_names(config["data_dir"])
            by_label += score_labels(split, logits, labels, names)
        if split == "test":
            file = folder / "test_predictions.parquet"
            write_predictions(file, logits, labels, as_scores=partial(to_scores, task.kind))
    if by_label:
        write_label_table(folder / LABEL_TABLE, by_label)
    rows = len(splits.tables["train"])
    return RunRecord(
        task=task.name,
        model=choices["model"],
        method=choices["method"],
        seed=config["seed"],
        config=config,
        code_version=environment.code_version(),
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
            "seconds": time.perf_counter() - started,
            "train_seconds": fit.seconds,
            "samples_per_second": rows * len(choice.dev_scores) / fit.seconds,
        },
        memory=environment.peak_memory(),
        flops={"per_step": None, "total": None},
        environment=environment.describe(),
    )

"""What models without any language score: GC content, length, k-mer counts, bases by position."""

from collections.abc import Mapping
from typing import Any

import torch

from dnaft.baselines.features import GcContent, SequenceLength
from dnaft.baselines.linear import LinearBaseline
from dnaft.config import build, read_choice
from dnaft.data.leaks import drop_leaks
from dnaft.data.table import SequenceTable
from dnaft.data.targets import scale_targets
from dnaft.data.task import Task
from dnaft.metrics import default_metric
from dnaft.split_scores import score_split

# One feature needs no choice of its penalty: next to none.
_PENALTIES = (0.01,)


def score_models(task: Task, tables: Mapping[str, SequenceTable]) -> dict[str, Any]:
    """Fit each model to train, choose its penalty on dev, and score dev and test.

    `kmer` and `onehot` are `method=baseline_kmer` and `method=baseline_onehot` of training, with
    the same scores. `length` is left out where all sequences are equally long.

    Args:
        task: The task.
        tables: train, dev and test, targets as the file has them.

    Returns:
        By model: what its `features` are, the `penalty`, and `scores` of dev and test.

    Raises:
        InputError: If train lacks a class, or dev defines no score.
    """
    kept = dict(tables)
    if task.drop_leaks:
        kept, _ = drop_leaks(kept)
    scaled, targets = scale_targets(task.target_rules, kept)
    found = {}
    for name, (words, model) in _models(scaled).items():
        print(f"fitting a model of {words}", flush=True)
        fit = model.fit(
            scaled, task.kind, task.outputs, task.choose_by or default_metric(task.kind)
        )
        scores = {}
        for split in ("dev", "test"):
            logits = torch.from_numpy(fit.predict(split))
            labels = torch.from_numpy(scaled[split].labels)
            scores[split] = score_split(task, split, logits, labels, targets)
        found[name] = {"features": words, "penalty": fit.choice.penalty, "scores": scores}
    return found


def _models(tables: Mapping[str, SequenceTable]) -> dict[str, tuple[str, LinearBaseline]]:
    models = {"gc": ("GC content", LinearBaseline(GcContent(), _PENALTIES))}
    lengths = {len(s) for table in tables.values() for column in table.columns() for s in column}
    if len(lengths) > 1:
        models["length"] = ("length", LinearBaseline(SequenceLength(), _PENALTIES))
    kmer, onehot = (
        build(read_choice("method", f"baseline_{name}")["baseline"], "method.baseline")
        for name in ("kmer", "onehot")
    )
    models["kmer"] = (f"counts of {kmer.features.k}-mers", kmer)
    models["onehot"] = ("which base stands where", onehot)
    return models

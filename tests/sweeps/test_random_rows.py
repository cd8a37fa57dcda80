"""Random sequences that stand in for the data of a dry run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from composing import composed
from dnaft.config import build, config_dir
from dnaft.data.splits import load_splits
from dnaft.data.task import Task
from dnaft.metrics import Kind
from dnaft.sweeps.random_rows import RandomRows, why_none, with_random_rows

FEW = {"train": 7, "dev": 2, "test": 3}
ROWS = {"train": 900, "dev": 100, "test": 100}
SOURCE = RandomRows({}, 1)
MARKS = ("h3", "h3k14ac", "h3k36me3", "h3k4me1", "h3k4me2", "h3k4me3", "h3k79me3", "h3k9ac", "h4",
         "h4ac")  # fmt: skip


def task_of(name: str) -> Task:
    task: Task = build(composed(f"task={name}", "model=tiny", "method=lora")["task"], "task")
    return task


@pytest.mark.parametrize(
    ("kind", "outputs", "shape", "dtype"),
    [
        ("binary", 1, (), np.int64),
        ("multiclass", 9, (), np.int64),
        ("multilabel", 4, (4,), np.float32),
        ("regression", 1, (), np.float64),
        ("regression", 3, (3,), np.float64),
    ],
)
def test_tables_are_as_a_file_would_give_them(
    kind: Kind, outputs: int, shape: tuple[int, ...], dtype: type
) -> None:
    more: dict[str, Any] = {}
    if kind == "regression":
        more = {"log_targets": True, "clip_targets": (1.0, 2.0), "standardise_targets": True}
    task = Task("some", kind, SOURCE, outputs=outputs, length_bp=50, rows=ROWS, **more)
    splits = load_splits(with_random_rows(task, FEW), "nowhere")  # checks letters and labels
    for split, table in splits.tables.items():
        rows = max(FEW[split], 2, outputs)  # each class occurs
        assert len(table) == rows
        assert {len(sequence) for sequence in table.sequences} == {50}
        assert (table.labels.shape, table.labels.dtype) == ((rows, *shape), dtype)
    assert not any(count["exact"] for count in splits.summary["leaks"].values())


def test_what_a_task_must_say() -> None:
    assert why_none(Task("some", "binary", SOURCE, length_bp=50, rows=ROWS)) == ""
    few = {"train": 900, "dev": 100}
    reason = why_none(Task("some", "binary", SOURCE, rows=few))
    unknown = "task.rows.test, task.length_bp"
    assert reason == f"task some does not say {unknown}; set it for an estimate"
    pairs = build(
        composed("task=table", "task.source.train=a.csv", "task.source.dev=b.csv",
                 "task.source.test=c.csv", "task.source.sequence_b_column=second",
                 "task.length_bp=9", "task.rows={train:9,dev:9,test:9}", "model=tiny")["task"],
        "task",
    )  # fmt: skip
    reads_more = "task table reads more than sequences (task.source.sequence_b_column)"
    assert why_none(pairs) == reads_more


def test_the_tasks_of_the_papers_say_enough() -> None:
    swept = [composed_sweep(name)["task"] for name in ("paper_yeast", "paper_promoters")]
    names = ",".join(swept).split(",")
    assert len(names) == 13
    assert {name: why_none(task_of(name)) for name in names} == dict.fromkeys(names, "")


@pytest.mark.parametrize("mark", MARKS)
def test_rows_of_a_mark_are_those_of_the_other_benchmark(mark: str) -> None:
    # Both benchmarks part the windows of Pham et al. 2005; the Nucleotide Transformer's counts are
    # those of its card. GUE holds out a tenth twice, as counted of h3, h3k36me3 and h3k4me3.
    rows, other = task_of(mark).rows, task_of(f"nt_{mark}").rows
    assert rows is not None
    assert other is not None
    assert sum(rows.values()) == sum(other.values())
    assert rows["dev"] == rows["test"] == -(-sum(rows.values()) // 10) == other["test"]


@pytest.mark.parametrize("which", ["all", "notata"])
def test_rows_of_promoters_are_those_of_core_promoters(which: str) -> None:
    assert task_of(f"prom_{which}").rows == task_of(f"core_{which}").rows  # which were counted


def composed_sweep(name: str) -> dict[str, str]:
    import yaml

    text = Path(config_dir(), "sweep", f"{name}.yaml").read_text()
    params: dict[str, str] = yaml.safe_load(text)["hydra"]["sweeper"]["params"]
    return params

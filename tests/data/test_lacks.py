"""What dev and test cannot score is told before anything is trained."""

import logging
from pathlib import Path

import pytest

from dnaft.data.splits import load_splits
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task


def source(folder: Path, **labels: str) -> TableFiles:
    files = {}
    for start, (split, of_rows) in zip((0, 16, 32), labels.items(), strict=True):
        rows = [
            "".join("ACGT"[(start + i) // 4**k % 4] for k in range(4)) + f",{label}"
            for i, label in enumerate(of_rows)
        ]
        (folder / f"{split}.csv").write_text("\n".join(["sequence,label", *rows]))
        files[split] = str(folder / f"{split}.csv")
    return TableFiles(**files)


def test_a_class_that_no_row_has(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    task = Task(
        "mine",
        "multiclass",
        source(tmp_path, train="ndandaa", dev="nnda", test="nnnn"),
        outputs=3,
        classes=("n", "d", "a"),
    )
    with caplog.at_level(logging.WARNING):
        load_splits(task, "")
    (line,) = [text for text in caplog.messages if "no row has" in text]
    assert line.startswith("task mine, test: no row has label d, a, so scores tell")
    assert "with one class alone MCC is 0 and AUROC undefined" in line


def test_a_target_that_does_not_vary(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    task = Task("mine", "regression", source(tmp_path, train="1234", dev="555", test="12"))
    with caplog.at_level(logging.WARNING):
        load_splits(task, "")
    (line,) = [text for text in caplog.messages if "a target is the same" in text]
    assert line.startswith("task mine, dev: a target is the same in all rows, so it has no R2")

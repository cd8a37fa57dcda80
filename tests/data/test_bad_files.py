"""Wrong input: one message that says what, where and how to fix it."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from dnaft.data.split_rule import SplitRule
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError

GOOD = "sequence,label\nACGT,0\nGGCC,1\n"

BAD: dict[str, tuple[bytes | str, str, str]] = {
    # name: content of train.csv, where, what
    "empty": ("", "train.csv", "the file is empty; it needs a header line"),
    "header_only": ("sequence,label\n", "train.csv", "holds no sequences"),
    "no_column": ("seq,label\nACGT,0\n", "line 1", "no column 'sequence'; the header has 'seq'"),
    "no_label": ("sequence,y\nACGT,0\n", "line 1", "Set task.source.label_columns"),
    "twice": ("sequence,label,label\nA,0,0\n", "line 1", "2 columns 'label'"),
    "no_header": ("ACGT,0\nGGCC,1\n", "line 1", "no column 'sequence'"),
    "wrong_separator": ("sequence;label\nACGT;0\n", "line 1", "task.source.separator"),
    "few_cells": ("sequence,label\nACGT,0\nGGCC\n", "line 3", "1 columns, the header has 2"),
    "many_cells": ("sequence,label\nACGT,0,9\n", "line 2", "3 columns, the header has 2"),
    "empty_sequence": ("sequence,label\nACGT,0\n,1\n", "line 3", "the sequence is empty"),
    "letter": ("sequence,label\nACGT,0\nACRT,1\n", "line 3", "letter 'R' at position 3"),
    "letter_after_blank": ("sequence,label\n\nACGT,0\n\nACXT,1\n", "line 5", "letter 'X'"),
    "rna": ("sequence,label\nACGU,0\n", "line 2", "letter 'U' at position 4"),
    "gap": ("sequence,label\nAC-T,0\n", "line 2", "letter '-' at position 3"),
    "space": ("sequence,label\nACGT ,0\n", "line 2", "letter ' ' at position 5"),
    "accent": ("sequence,label\nACGé,0\n", "line 2", "letter 'é' at position 4"),
    "lower_r": ("sequence,label\nacrt,0\n", "line 2", "letter 'r' at position 3"),
    "label_range": ("sequence,label\nACGT,0\nGGCC,2\n", "line 3", "label '2' is not 0 or 1"),
    "label_negative": ("sequence,label\nACGT,-1\n", "line 2", "label '-1' is not 0 or 1"),
    "label_word": ("sequence,label\nACGT,yes\n", "line 2", "name the two classes 0 and 1"),
    "label_empty": ("sequence,label\nACGT,\n", "line 2", "label '' is not 0 or 1"),
    "label_half": ("sequence,label\nACGT,0.5\n", "line 2", "label '0.5' is not 0 or 1"),
    "label_nan": ("sequence,label\nACGT,nan\n", "line 2", "label 'nan' is not 0 or 1"),
    "one_class": ("sequence,label\nACGT,0\nGGCC,0\n", "train.csv", "no training row has label 1"),
    "not_text": (b"sequence,label\nAC\xffT,0\n", "line 2", "byte 0xff is not UTF-8"),
    "nul": (b"sequence,label\nAC\x00T,0\n", "line 2", "letter '\\x00' at position 3"),
    "quote": ('sequence,label\n"ACGT,0\nGGCC,1\n', "line 2", "look for a stray quote"),
    "gzip": (gzip.compress(GOOD.encode())[:-6], "train.csv", "damaged gzip file"),
}


def csv_task(folder: Path, **options: object) -> Task:
    for split in ("train", "dev", "test"):
        if not (folder / f"{split}.csv").exists():
            (folder / f"{split}.csv").write_text(GOOD)
    files: dict[str, Any] = {
        split: str(folder / f"{split}.csv") for split in ("train", "dev", "test")
    }
    return Task(**({"name": "mine", "kind": "binary", "source": TableFiles(**files)} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", BAD)
def test_bad_train_file(tmp_path: Path, name: str) -> None:
    content, where, what = BAD[name]
    path = tmp_path / "train.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as caught:
        csv_task(tmp_path).load("")
    message = str(caught.value)
    assert what in message
    assert str(path) in message
    assert where in message
    assert "\n" not in message


def test_missing_file(tmp_path: Path) -> None:
    task = csv_task(tmp_path)
    (tmp_path / "dev.csv").unlink()
    with pytest.raises(InputError, match=r"dev\.csv: no such file; check the path"):
        task.load("")


def test_folder_instead_of_file(tmp_path: Path) -> None:
    source = TableFiles(train=str(tmp_path), dev="b.csv", test="c.csv")
    with pytest.raises(InputError, match="cannot be read"):
        csv_task(tmp_path, source=source).load("")


def test_one_file_for_two_splits(tmp_path: Path) -> None:
    path = str(tmp_path / "train.csv")
    source = TableFiles(train=path, dev=path, test=str(tmp_path / "test.csv"))
    with pytest.raises(InputError, match=r"task\.source\.dev and task\.source\.train are the same"):
        csv_task(tmp_path, source=source).load("")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": {"dev": 3}}, r"dev\.csv: 2 rows for dev, task\.rows\.dev says 3"),
        ({"length_bp": 5}, r"train\.csv line 2: 4 bp, task\.length_bp says 5"),
        ({"case": "error", "alphabet": "ACG"}, r"line 2: letter 'T' at position 4 .* alphabet ACG"),
        ({"kind": "multiclass", "outputs": 3}, r"no training row has label 2 of 0\.\.2"),
        ({"kind": "multilabel", "outputs": 2}, r"1 label columns for a multilabel task .* needs 2"),
    ],
)
def test_what_a_task_asserts(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        csv_task(tmp_path, **options).load("")


def test_lower_case_can_be_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("sequence,label\nACGT,0\nACgT,1\n")
    with pytest.raises(InputError, match=r"line 3: letter 'g' at position 3 .* task\.case=upper"):
        csv_task(tmp_path, case="error").load("")


@pytest.mark.parametrize("text", ["inf", "nan", "", "high", "1_0", "1,5"])
def test_targets_must_be_finite(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.csv").write_text(f'sequence,label\nACGT,0.5\nGGCC,"{text}"\n')
    with pytest.raises(InputError, match=r"train\.csv line 3: target '.*' is not a finite number"):
        csv_task(tmp_path, kind="regression").load("")


def test_constant_target(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("sequence,label\nACGT,2\nGGCC,2\n")
    with pytest.raises(InputError, match="a target is the same in all training rows"):
        csv_task(tmp_path, kind="regression").load("")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": 2}, "outputs of a binary task is 1, got 2; use kind=multiclass"),
        ({"kind": "multiclass"}, "outputs of a multiclass task must be 2 or more, got 1"),
        ({"length_bp": 0}, "length_bp must be 1 or more, got 0"),
        ({"rows": {"val": 1}}, "rows names val; splits are train, dev, test"),
        ({"alphabet": "acgt"}, "alphabet must be upper-case"),
        ({"alphabet": "ACGU"}, "'U' at position 3 is no DNA letter"),
    ],
)
def test_task_refuses(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        csv_task(tmp_path, **options)


def at_random(fraction: float) -> SplitRule:
    return SplitRule("random", dev_fraction=fraction)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "dev is required, it chooses the checkpoint"),
        ({"dev": "b", "split": at_random(0.1)}, "each split has a file of its own"),
        ({"dev": "b", "label_columns": ()}, "label_columns names no column"),
        ({"dev": "b", "separator": ", "}, "separator must be one character"),
    ],
)
def test_table_files_refuse(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TableFiles(train="a", test="c", **options)  # type: ignore[arg-type]

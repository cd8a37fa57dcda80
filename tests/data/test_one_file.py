"""One file of measurements, cut into splits."""

import csv
import gzip
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dnaft.config import build, config_dir
from dnaft.data.one_file import OneFile
from dnaft.data.splits import load_splits
from dnaft.data.table import RowRules
from dnaft.data.task import Task
from dnaft.errors import InputError

RULES = RowRules("toy", "regression", 1)
BY_CHROMOSOME: dict[str, Any] = {
    "sequence_columns": ("five", "three"),
    "label_columns": ("minutes",),
    "split_column": "chromosome",
    "dev_values": ("II",),
    "test_values": ("III", "IV"),
}
TABLE = """gene,three,chromosome,minutes,five
a,ACG,I,1,TTT
b,ACC,II,0.5,TTG
c,ACT,I,20,TTC
d,ACA,III,4,TTA
e,AAC,IV,8,TGA
f,AAA,I,900,TGC
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "half" / "life").mkdir(parents=True)
    (tmp_path / "half" / "life" / "toy.csv").write_text(TABLE)
    return tmp_path


def source(**changes: Any) -> OneFile:
    return OneFile("half/life/toy.csv", **(BY_CHROMOSOME | changes))


def task_of(name: str) -> Task:
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose(overrides=[f"+task={name}"])
    whole: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    task = build(whole["task"], "task")
    assert isinstance(task, Task)
    return task


def test_rows_go_where_their_column_says(folder: Path) -> None:
    tables = source().load(RULES, str(folder))
    assert tables["train"].sequences == ["TTTACG", "TTCACT", "TGCAAA"]  # five before three
    assert tables["dev"].sequences == ["TTGACC"]
    assert tables["test"].sequences == ["TTAACA", "TGAAAC"]
    assert tables["test"].labels.tolist() == [4, 8]
    assert tables["test"].numbers.tolist() == [5, 6]


def test_data_dir_may_be_the_benchmark_itself(folder: Path) -> None:
    assert len(source().load(RULES, str(folder / "half"))["train"]) == 3


def test_rows_outside_the_limits_are_left_out(folder: Path) -> None:
    tables = source(label_limits=(0.5, 100)).load(RULES, str(folder))
    assert tables["train"].labels.tolist() == [1, 20]
    assert len(tables["dev"]) == 1  # a limit itself is within


def test_a_random_split_is_the_same_each_time_and_covers_all(tmp_path: Path) -> None:
    rows = [f"{'ACGT'[i % 4] * (i + 1)}\t{i}" for i in range(50)]
    (tmp_path / "toy.tsv").write_text("\n".join(rows))  # no header line

    def load(seed: int) -> dict[str, list[float]]:
        one = OneFile(
            "toy.tsv",
            label_columns=("value",),
            column_names=("sequence", "value"),
            dev_fraction=0.1,
            test_fraction=0.2,
            split_seed=seed,
        )
        tables = one.load(RULES, str(tmp_path))
        assert all(table.numbers[0] == table.labels[0] + 1 for table in tables.values())
        return {split: table.labels.tolist() for split, table in tables.items()}

    first = load(1)
    assert {split: len(labels) for split, labels in first.items()} == {
        "train": 35,
        "dev": 5,
        "test": 10,
    }
    assert sorted(value for labels in first.values() for value in labels) == list(range(50))
    assert load(1) == first
    assert load(2)["test"] != first["test"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"dev_values": ("V",)},
            r"no row has 'V' in the column 'chromosome', which has 'I', 'II', ",
        ),
        ({"dev_values": ("I", "II")}, "no row is left to train on"),
        ({"split_column": "arm"}, "no column 'arm'; .*Set task.source.split_column"),
        ({"sequence_columns": ("one",)}, "no column 'one'; .*Set task.source.sequence_columns"),
        ({"label_columns": ("gene",), "label_limits": (0.0, 1.0)}, "line 2: target 'a' is not a"),
    ],
)
def test_wrong_files_are_refused(folder: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        source(**change).load(RULES, str(folder))


def test_a_missing_file_says_where_it_was_sought(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no .*half/life/toy\.csv and no .*; set data_dir"):
        source().load(RULES, str(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dev_fraction": 0.1}, "split_column excludes dev_fraction"),
        ({"test_values": ()}, "split_column needs dev_values and test_values"),
        ({"test_values": ("II",)}, "II stands in dev_values and in test_values"),
        ({"split_column": None}, "give split_column with dev_values and test_values, dev"),
        ({"label_limits": (2.0, 1.0)}, "label_limits must rise"),
        ({"dev_rows": 1}, "split_column excludes dev_fraction, test_fraction and rows"),
        ({"label_columns": ()}, "name at least one column each"),
    ],
)
def test_wrong_settings_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        source(**change)


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.0, 0.5), (-0.1, 0.5), (0.1, math.nan)])
def test_wrong_fractions_are_refused(fractions: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0 and together below 1"):
        OneFile("toy.csv", dev_fraction=fractions[0], test_fraction=fractions[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dev_rows": 0, "test_rows": 5}, "dev_rows and test_rows must be 1 or more, got 0 and 5"),
        ({"dev_rows": 5}, "or dev_rows with test_rows"),
        ({"dev_rows": 5, "test_rows": 5, "dev_fraction": 0.1}, "or dev_rows with test_rows"),
    ],
)
def test_wrong_numbers_of_rows_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OneFile("toy.csv", **settings)


def test_as_many_rows_as_asked_for(tmp_path: Path) -> None:
    rows = [f"{'ACGT'[i % 4] * (i // 4 + 1)},{i}" for i in range(40)]
    (tmp_path / "toy.csv").write_text("\n".join(["sequence,label", *rows]))
    tables = OneFile("toy.csv", dev_rows=7, test_rows=6).load(RULES, str(tmp_path))
    assert {split: len(table) for split, table in tables.items()} == {
        "train": 27,
        "dev": 7,
        "test": 6,
    }
    assert sorted(y for t in tables.values() for y in t.labels.tolist()) == list(range(40))
    with pytest.raises(InputError, match=r"40 rows leave none to train on beside 30 of dev and 10"):
        OneFile("toy.csv", dev_rows=30, test_rows=10).load(RULES, str(tmp_path))


def test_yeast_expression_has_the_published_sizes(tmp_path: Path) -> None:
    # The published layout is a row a design; here as many rows as the report states, of our own.
    (tmp_path / "yeast_expression").mkdir()
    lines = [f"{''.join('ACGT'[i // 4**j % 4] for j in range(8))},{i % 97}" for i in range(14_172)]
    path = tmp_path / "yeast_expression" / "shalem2015.csv"
    path.write_text("\n".join(["sequence,expression", *lines]))
    tables = task_of("yeast_expression").load(str(tmp_path))  # asserts rows
    assert [len(t) for t in tables.values()] == [11_337, 1_418, 1_417]
    assert len({s for t in tables.values() for s in t.sequences}) == 14_172


@pytest.mark.parametrize(
    ("name", "file", "held_out", "limits"),
    [
        (
            "yeast_half_life_cerevisiae",
            "scerevisiae_sun2013",
            {"VIII": "dev", "XIV": "dev", "V": "test", "X": "test", "XVI": "test"},
            (0, np.inf),
        ),
        ("yeast_half_life_pombe", "spombe_eser2016", {"3": "dev", "2": "test"}, (0.5, 300)),
    ],
)
def test_half_lives_of_the_real_files(
    name: str, file: str, held_out: dict[str, str], limits: tuple[float, float], shared_dir: Path
) -> None:
    task = task_of(name)
    tables = task.load(str(shared_dir / "data"))
    assert task.rows == {split: len(table) for split, table in tables.items()}
    with gzip.open(shared_dir / "data" / "yeast_half_life" / f"{file}.csv.gz", "rt") as lines:
        genes = list(csv.DictReader(lines))
    expected: dict[str, dict[str, float]] = {"train": {}, "dev": {}, "test": {}}
    for gene in genes:
        minutes = float(gene["half_life_min"])
        if limits[0] <= minutes <= limits[1]:
            transcript = gene["utr5"] + gene["cds"] + gene["utr3"]
            expected[held_out.get(gene["chromosome"], "train")][transcript] = minutes
    trained = load_splits(task, str(shared_dir / "data")).tables
    for split, table in tables.items():
        assert dict(zip(table.sequences, table.labels.tolist(), strict=True)) == expected[split]
        logarithms = {s: np.log(minutes) for s, minutes in expected[split].items()}
        assert dict(
            zip(trained[split].sequences, trained[split].labels.tolist(), strict=True)
        ) == pytest.approx(logarithms)


def test_random_promoters_of_the_real_file(shared_dir: Path) -> None:
    task = task_of("random_promoters")
    tables = task.load(str(shared_dir / "data"))
    lines = (shared_dir / "data" / "yeast_random_promoter" / "demo.tsv").read_text().split("\n")
    values = dict(line.split("\t") for line in lines if line)
    found = [
        (s, y)
        for table in tables.values()
        for s, y in zip(table.sequences, table.labels.tolist(), strict=True)
    ]
    assert len(found) == len(values) == 6370
    assert all(float(values[sequence]) == y for sequence, y in found)
    means = [float(table.labels.mean()) for table in tables.values()]
    assert all(abs(a - b) < 0.6 for a, b in pairwise(means))  # 18 bins; no split is special

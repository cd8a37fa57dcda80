"""Tables of every format hold the same rows; real files are read as their lines say."""

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.data.reader import read_rows
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import RowRules, build_table
from dnaft.data.table_files import TableFiles
from dnaft.data.tabular import column_names
from dnaft.data.task import Task

Row = dict[str, Any]
RULES = RowRules("mine", "regression", 1)
ROWS: list[Row] = [
    {"left": "ACGT", "right": "TTGCA", "y": 1.5, "species": "yeast", "chrom": "I"},
    {"left": "GGCCA", "right": "ACG", "y": -2, "species": "fission yeast", "chrom": "II"},
]


def delimited(rows: Sequence[Row], separator: str) -> bytes:
    lines = [separator.join(rows[0])] + [separator.join(map(str, r.values())) for r in rows]
    return "\n".join([*lines, ""]).encode()


def jsonl(rows: Sequence[Row]) -> bytes:
    return "".join(f"{json.dumps(row)}\n\n" for row in rows).encode()


def parquet(rows: Sequence[Row]) -> bytes:
    sink = pa.BufferOutputStream()
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["y"] = [float(y) for y in columns["y"]]
    pq.write_table(pa.table(columns), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


FORMATS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    "a.csv": lambda rows: delimited(rows, ","),
    "a.tsv": lambda rows: delimited(rows, "\t"),
    "a.txt.gz": lambda rows: gzip.compress(delimited(rows, "\t")),
    "a.jsonl": jsonl,
    "a.ndjson.gz": lambda rows: gzip.compress(jsonl(rows)),
    "a.parquet": parquet,
    "a.pq.gz": lambda rows: gzip.compress(parquet(rows)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_hold_the_same_pairs(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FORMATS[name](ROWS))
    assert column_names(path) == list(ROWS[0])
    raw = read_rows(
        path, "left", ["y"], sequence_b_column="right", species_column="species",
        group_column="chrom",
    )  # fmt: skip
    table = build_table(raw, RULES)
    assert table.columns() == [["ACGT", "GGCCA"], ["TTGCA", "ACG"]]
    assert table.labels.tolist() == [1.5, -2]
    assert table.species == ["yeast", "fission yeast"]
    assert table.groups == ["I", "II"]
    taken = table.take(np.array([1]))
    assert (taken.sequences_b, taken.species, taken.groups) == (["ACG"], ["fission yeast"], ["II"])


cells = st.text(st.sampled_from('AC,"\t\n\r é |'), max_size=6)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_what_csv_and_json_write_is_read(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Quotes, separators, ends of lines within cells: Python's own writers are the oracle."""
    folder = tmp_path_factory.mktemp("cells")
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["s", "label"])
        writer.writerows(rows)
    lines = [json.dumps({"s": s, "label": y}, ensure_ascii=False) for s, y in rows]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for name in ("a.csv", "a.jsonl"):
        raw = read_rows(folder / name, "s", ["label"])
        assert list(zip(raw.sequences, raw.labels[0], strict=True)) == rows


def test_numbers_of_json_stay_as_written(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"s": "A", "y": 1e-3}\n{"s": "C", "y": 12345678901234567}\n')
    assert read_rows(tmp_path / "a.jsonl", "s", ["y"]).labels == [["1e-3", "12345678901234567"]]


def test_true_and_false_are_classes(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"s": "ACGT", "y": true}\n{"s": "CAGT", "y": false}\n')
    pq.write_table(pa.table({"s": ["ACGT", "CAGT"], "y": [True, False]}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        raw = read_rows(tmp_path / name, "s", ["y"])
        assert build_table(raw, RowRules("m", "binary", 1)).labels.tolist() == [1, 0]


def test_names_of_classes(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("s\ty\nACGT\tnone\nCAGT\t enhancer\nGGGT\tnone\n")
    raw = read_rows(tmp_path / "a.tsv", "s", ["y"])
    rules = RowRules("m", "binary", 1, classes=("none", "enhancer"))
    assert build_table(raw, rules).labels.tolist() == [0, 1, 0]


def test_enhancers_in_all_formats_and_one_stratified_split(
    shared_dir: Path, tmp_path: Path
) -> None:
    real = shared_dir / "data" / "enhancers_liu" / "enhancers.csv"
    with real.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2968
    sequences, labels = [r["sequence"] for r in rows], [float(r["label"]) for r in rows]
    pq.write_table(pa.table({"sequence": sequences, "label": labels}), tmp_path / "e.parquet")
    with gzip.open(tmp_path / "e.jsonl.gz", "wt") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
    rule = SplitRule("random", dev_fraction=0.1, test_fraction=0.2)
    found = []
    for path in (real, tmp_path / "e.parquet", tmp_path / "e.jsonl.gz"):
        task = Task("enhancers", "binary", TableFiles(file=str(path), split=rule), length_bp=200)
        found.append({s: t.sequences for s, t in task.load("").items()})
    assert found[0] == found[1] == found[2]
    of = dict(zip(sequences, labels, strict=True))
    assert {s: len(rows) for s, rows in found[0].items()} == {
        "train": 2077,
        "dev": 297,
        "test": 594,
    }
    assert [sum(of[s] for s in found[0][split]) for split in ("dev", "test")] == [148, 297]


def test_half_lives_by_chromosome_are_those_of_the_yeast_task(shared_dir: Path) -> None:
    """The reader of the benchmark and that of a user's files, on one gzipped file."""
    path = shared_dir / "data" / "yeast_half_life" / "scerevisiae_sun2013.csv.gz"
    rule = SplitRule(
        "column", "chromosome", dev_values=("VIII", "XIV"), test_values=("V", "X", "XVI")
    )
    source = TableFiles(
        file=str(path), sequence_column="utr3", label_columns=("half_life_min",), split=rule
    )
    tables = Task("utr3", "regression", source).load("")
    assert [len(tables[s]) for s in ("train", "dev", "test")] == [3059, 502, 827]
    with gzip.open(path, "rt") as file:
        genes = list(csv.DictReader(file))
    for split, chromosomes in (("dev", {"VIII", "XIV"}), ("test", {"V", "X", "XVI"})):
        kept = [gene for gene in genes if gene["chromosome"] in chromosomes]
        assert tables[split].sequences == [gene["utr3"] for gene in kept]
        assert tables[split].labels.tolist() == [float(gene["half_life_min"]) for gene in kept]


def test_a_file_without_header(shared_dir: Path) -> None:
    source = TableFiles(
        file=str(shared_dir / "data" / "yeast_random_promoter" / "demo.tsv"),
        sequence_column="dna", label_columns=("level",), column_names=("dna", "level"),
        split=SplitRule("random", dev_fraction=0.1, test_fraction=0.2),
    )  # fmt: skip
    tables = Task("demo", "regression", source).load("")
    assert sum(map(len, tables.values())) == 6370
    lengths = {len(text) for table in tables.values() for text in table.sequences}
    assert (min(lengths), max(lengths)) == (87, 135)

"""`python -m dnaft.data inspect`: what it finds in real files and made ones, and what it writes."""

import csv
import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.data_tools import main
from dnaft.data_tools.guess import Labels, label_columns, labels_of, sequence_columns, split_of

BASES = ["ACGTACGTAC", "CCGTACGTAC", "GGGTACGTAC", "TTGTACGTAC", "AAGTACGTAA", "CAGTACGTAA"]
BASES += [f"{text}{end}" for text in BASES for end in ("A", "CG", "TTT")]


class Inspect:
    """Runs the command in a folder of its own."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self._patch, self._capture = folder, patch, capture

    def __call__(self, *typed: str) -> tuple[str, dict[str, Any]]:
        """Return what is printed, and the task."""
        self._run(*typed)
        printed = self._capture.readouterr()
        assert printed.err == ""
        (file,) = (self.folder / "my_conf" / "task").iterdir()
        assert f"wrote {file.relative_to(self.folder)}\n" in printed.out
        return printed.out, yaml.safe_load(file.read_text())

    def refused(self, *typed: str) -> str:
        """Return the message; nothing is written."""
        with pytest.raises(SystemExit, match="2"):
            self._run(*typed)
        printed = self._capture.readouterr()
        assert printed.err.startswith("error: ")
        assert len(printed.err.splitlines()) == 1
        return printed.err

    def _run(self, *typed: str) -> None:
        self._patch.setattr(sys, "argv", ["dnaft.data", "inspect", *typed])
        main()


@pytest.fixture
def inspect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Inspect:
    monkeypatch.chdir(tmp_path)
    return Inspect(tmp_path, monkeypatch, capsys)


def test_real_enhancers(inspect: Inspect, shared_dir: Path) -> None:
    path = shared_dir / "data" / "enhancers_liu" / "enhancers.csv"
    printed, task = inspect(f"file={path}")
    assert f"{path}: columns parted by commas, 2,968 rows" in printed
    assert "sequences of 200 to 200 bp, median 200" in printed
    assert "label: 2 values: '1.0' 1,484, '0.0' 1,484" in printed
    assert task == {
        "defaults": ["table", "_self_"],
        "name": "enhancers",
        "kind": "binary",
        "outputs": 1,
        "length_bp": 200,
        "source": {
            "file": str(path),
            "sequence_column": "sequence",
            "label_columns": ["label"],
            "split": {"by": "random", "dev_fraction": 0.1, "test_fraction": 0.2},
        },
    }


def test_real_half_lives_are_parted_by_chromosome(inspect: Inspect, shared_dir: Path) -> None:
    path = shared_dir / "data" / "yeast_half_life" / "spombe_eser2016.csv.gz"
    printed, task = inspect(f"file={path}", "sequence=utr3", "label=half_life_min")
    assert "columns parted by commas, gzipped, 3,702 rows" in printed
    assert task["kind"] == "regression"
    assert task["source"]["split"] == {
        "by": "column", "column": "chromosome", "dev_values": ["3"], "test_values": ["2"],
    }  # fmt: skip


def test_real_promoters_without_header(inspect: Inspect, shared_dir: Path) -> None:
    path = shared_dir / "data" / "yeast_random_promoter" / "demo.tsv"
    printed, task = inspect(f"file={path}", "name=promoters")
    assert "no header line, 6,370 rows" in printed
    assert "N 387" in printed
    assert task["source"]["column_names"] == ["sequence", "column2"]
    assert task["kind"] == "regression"


def test_real_splits_of_gue(inspect: Inspect, shared_dir: Path) -> None:
    """A file a split; what they share is said as in the table of the README of these files."""
    folder = shared_dir / "data" / "GUE" / "prom" / "prom_300_tata"
    files = [f"{split}={folder / split}.csv" for split in ("train", "dev", "test")]
    printed, task = inspect(*files, "name=tata")
    assert "train: 4,904 rows of 300 to 300 bp; labels 0 2,460, 1 2,444" in printed
    assert "dev: the sequences of 14 of 613 rows are in train" in printed
    assert task["source"]["dev"] == str(folder / "dev.csv")
    assert "split" not in task["source"]


def rows(columns: dict[str, list[str]]) -> list[dict[str, str]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


WORDS = {"id": [f"r{i}" for i in range(24)], "dna": BASES, "kind": ["none", "enhancer"] * 12}


@pytest.mark.parametrize("suffix", ["csv", "tsv.gz", "jsonl", "parquet", "csv;"])
def test_every_table_gives_the_same_task(inspect: Inspect, suffix: str) -> None:
    path = inspect.folder / f"a.{suffix.removesuffix(';')}"
    if suffix == "parquet":
        pq.write_table(pa.table(WORDS), path)
    elif suffix == "jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows(WORDS)))
    else:
        separator = {"csv": ",", "csv;": ";"}.get(suffix, "\t")
        with (gzip.open if suffix.endswith("gz") else open)(path, "wt", newline="") as file:
            writer = csv.DictWriter(file, list(WORDS), delimiter=separator)
            writer.writeheader()
            writer.writerows(rows(WORDS))
    _, task = inspect("file=" + path.name)
    assert task["classes"] == ["enhancer", "none"]
    assert task["source"].pop("separator", None) == (";" if suffix == "csv;" else None)
    assert task["source"] == {
        "file": str(path),
        "sequence_column": "dna",
        "label_columns": ["kind"],
        "split": {"by": "random", "dev_fraction": 0.1, "test_fraction": 0.2},
    }


@pytest.mark.parametrize(
    ("header", "pattern"),
    [
        (">r{i}|{y}", None),
        (">r{i} label={y} x", r".*\b(?:label|class)[=:](?P<label>[^\s|;,]+).*"),
        (">r{i} {y}", r"(?P<id>\S+)\s+(?P<label>\S+)"),
    ],
)
def test_labels_in_headers(inspect: Inspect, header: str, pattern: str | None) -> None:
    text = "".join(f"{header.format(i=i, y=i % 3)}\n{s}\n" for i, s in enumerate(BASES))
    (inspect.folder / "a.fa").write_text(text)
    printed, task = inspect("file=a.fa")
    assert "label: 3 values" in printed
    assert (task["kind"], task["outputs"]) == ("multiclass", 3)
    assert task["source"].get("header_pattern") == pattern


def test_labels_in_a_table_and_in_a_background(inspect: Inspect) -> None:
    text = "".join(f">r{i}\n{s}\n" for i, s in enumerate(BASES))
    (inspect.folder / "a.fa").write_text(text)
    (inspect.folder / "b.fa").write_text(text.replace("ACGT", "GGGT"))
    (inspect.folder / "y.tsv").write_text(
        "gene\tlabel\n" + "".join(f"r{i}\t{i % 2}\n" for i in range(len(BASES)))
    )
    assert "Name the one with the names" in inspect.refused("file=a.fa", "labels=y.tsv")
    _, task = inspect("file=a.fa", "labels=y.tsv", "id=gene", "out=my_conf")
    assert task["source"]["label_table"] == str(inspect.folder / "y.tsv")
    assert task["source"]["id_column"] == "gene"
    (inspect.folder / "my_conf" / "task" / "a.yaml").unlink()
    printed, task = inspect("file=a.fa", "background=b.fa")
    assert task["source"]["label_columns"] == []
    assert "labels 0 1" in printed


def test_intervals(inspect: Inspect) -> None:
    (inspect.folder / "g.fa").write_text(
        "".join(f">chr{c}\n{'ACGTTGCAGT' * 30}{'ACGT'[c]}\n" for c in range(4))
    )
    lines = [f"chr{c}\t{9 * i}\t{9 * i + 20}\tp{i}\t{i % 2}\n" for c in range(4) for i in range(9)]
    (inspect.folder / "peaks.bed").write_text("".join(lines))
    printed, task = inspect("file=peaks.bed", "genome=g.fa", "label=score")
    assert "BED of 5 columns, 36 rows" in printed
    assert task["length_bp"] == 20
    assert task["source"]["genome"] == str(inspect.folder / "g.fa")
    assert task["source"]["split"]["column"] == "chrom"
    (inspect.folder / "my_conf" / "task" / "peaks.yaml").unlink()
    printed, task = inspect("file=peaks.bed")
    assert "Fill in what is null" in printed
    assert task["source"]["genome"] is None


def test_letters_that_need_a_word(inspect: Inspect) -> None:
    texts = [f"{s}acgUR" for s in BASES]
    (inspect.folder / "a.csv").write_text(
        "seq,label\n" + "".join(f"{s},{i % 2}\n" for i, s in enumerate(texts))
    )
    _, task = inspect("file=a.csv")
    assert (task["case"], task["ambiguity"], task["uracil"]) == ("upper", "N", "T")
    text = (inspect.folder / "my_conf" / "task" / "a.yaml").read_text()
    assert f"{3 * len(BASES)} lower-case letters" in text
    assert f"R {len(BASES)};" in text


def test_pairs_and_species(inspect: Inspect) -> None:
    lines = [f"{s},{s[::-1]},{'xy'[i % 2]},{i % 2}" for i, s in enumerate(BASES)]
    (inspect.folder / "a.csv").write_text("\n".join(["left,right,species,label", *lines]))
    _, task = inspect("file=a.csv", "sequence=left", "sequence_b=right", "species=species")
    assert task["source"]["sequence_b_column"] == "right"
    assert task["source"]["species_column"] == "species"


def test_what_the_file_does_not_tell(inspect: Inspect) -> None:
    (inspect.folder / "a b.csv").write_text("x,y1,y2\n" + "ACGTACGTAC,1,2\n" * 3)
    printed, task = inspect("file=a b.csv")
    assert task["name"] == "a_b"
    assert task["source"]["label_columns"] is None
    assert "Fill in what is null there before you train" in printed
    assert "name it with label=y1, several as label=y1,y2\n" in printed


def test_what_is_read_is_told_by_its_names(inspect: Inspect) -> None:
    kinds = ["none", "enhancer"] * 12
    lines = [
        f"{s},{s[::-1]},{i / 4},{k}" for i, (s, k) in enumerate(zip(BASES, kinds, strict=True))
    ]
    (inspect.folder / "a.csv").write_text("\n".join(["one,two,score,kind", *lines]))
    printed, task = inspect("file=a.csv", "label=kind")
    assert "one is read, not two: sequence_b=two reads pairs, sequence=COLUMN another" in printed
    assert "score: 24 values, numbers of 0 to 5.75, median 2.875\n" in printed
    assert re.search(r"; labels enhancer \d, none \d; GC enhancer 0\.\d+, none 0\.", printed)
    assert task["classes"] == ["enhancer", "none"]
    (inspect.folder / "my_conf" / "task" / "a.yaml").unlink()
    printed, _ = inspect("file=a.csv", "label=kind", "sequence_b=two")
    assert "is read, not" not in printed


def test_flags_are_told_by_their_columns(inspect: Inspect) -> None:
    lines = [f"{s},{i % 2},{int(i < 12)}" for i, s in enumerate(BASES)]
    (inspect.folder / "a.csv").write_text("\n".join(["sequence,early,odd", *lines]))
    printed, task = inspect("file=a.csv", "label=early,odd")
    assert task["kind"] == "multilabel"
    assert re.search(r"train: \d+ rows of .*; labels early \d+, odd \d+; GC all 0\.", printed)


def test_a_split_with_one_class_is_said_to_score_nothing(inspect: Inspect) -> None:
    names = ["dev"] * 4 + ["test"] * 4 + ["train"] * 16
    lines = [f"{s},{i % 2 * int(i > 3)},{names[i]}" for i, s in enumerate(BASES)]
    (inspect.folder / "a.csv").write_text("\n".join(["sequence,label,split", *lines]))
    printed, _ = inspect("file=a.csv")
    assert "dev: no row has label 1, so scores tell nothing of it, with one class alone" in printed
    assert "test: no row" not in printed


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ([], "file: give file=FILE"),
        (["file=a.csv", "train=a.csv"], "file: give file=FILE"),
        (["train=a.csv"], "train: a file a split needs"),
        (["file=none.csv"], "none.csv: no such file"),
        (["file=a.csv", "fil=x"], "did you mean file?"),
        (["file=a.csv", "label=y"], "label: there is no column 'y'"),
        (["file=a.csv", "split=label"], "split: column 'label' has 2 values"),
        (["file=a.csv", "genome=g.fa"], "genome: has no part in a.csv, which is read as table"),
        (["file=a.csv", "name=1x"], "name: got '1x'; needs letters"),
        (["file=a.csv", "name=h3"], "name: h3 is a task of dnaft"),
        (["file=a.csv", "out=a.csv"], "out: cannot write a.csv/task/a.yaml"),
        (["file=empty.csv"], "empty.csv: the file is empty"),
        (["file=header.csv"], "header.csv: the file holds no rows"),
        (["file=a.csv", "train=x", "background=y"], "file: give file=FILE"),
        (["file=letter.csv"], "letter.csv line 4: letter '-' at position 3"),
        (["file=a.csv", "label=sequence"], "label: sequence is neither numbers nor a few words"),
    ],
)
def test_refused(inspect: Inspect, typed: list[str], message: str) -> None:
    text = "sequence,label\n" + "".join(f"{s},{i % 2}\n" for i, s in enumerate(BASES))
    (inspect.folder / "a.csv").write_text(text)
    (inspect.folder / "letter.csv").write_text(text.replace("GGGT", "GG-T", 1))
    (inspect.folder / "empty.csv").write_text("")
    (inspect.folder / "header.csv").write_text("sequence,label\n")
    assert message in inspect.refused(*typed)
    assert not (inspect.folder / "my_conf").exists()


def test_nothing_is_overwritten(inspect: Inspect) -> None:
    text = "sequence,label\n" + "".join(f"{s},{i % 2}\n" for i, s in enumerate(BASES))
    (inspect.folder / "a.csv").write_text(text)
    inspect("file=a.csv")
    assert "a.yaml exists, and nothing is overwritten" in inspect.refused("file=a.csv")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([["0", "1", "1.0"]], Labels("binary", 1)),
        ([["2", "0", "1"]], Labels("multiclass", 3)),
        ([["2", "0", "5"]], Labels("regression", 1)),
        ([["1e-3", "nan"]], Labels("regression", 1)),
        ([["b", "a", "b", "a"]], Labels("binary", 1, ("a", "b"))),
        ([["c", "a", "b"] * 4], Labels("multiclass", 3, ("a", "b", "c"))),
        ([["c", "a", "b"]], None),
        ([["a", ""]], None),
        ([["0", "1"], ["1", "1"]], Labels("multilabel", 2)),
        ([["0.5", "1"], ["1", "1"]], Labels("regression", 2)),
        ([["x", "1"], ["1", "1"]], None),
    ],
)
def test_kinds_of_labels(columns: list[list[str]], expected: Labels | None) -> None:
    assert labels_of(columns) == expected


def test_columns_by_what_they_hold() -> None:
    columns = {
        "gene": ["g1", "g2", "g3"],
        "motif": ["GATA", "CAAT", "TATA"],
        "dna": ["ACGTNACGUU", "acgtacgt", "RYACGTAC"],
        "sequence": ["ACGTACGT"] * 3,
        "y": ["1", "0", "1"],
    }
    assert sequence_columns(columns) == ["sequence", "dna"]
    assert label_columns(columns, ["sequence", "dna"]) == ["y"]


@settings(deadline=None)
@given(counts=st.lists(st.integers(1, 50), min_size=3, max_size=24))
def test_some_chromosomes_are_left_to_train_on(counts: list[int]) -> None:
    values = [f"chr{i}" for i, n in enumerate(counts) for _ in range(n)]
    split = split_of({"chrom": values}, None)
    dev, test = split["dev_values"], split["test_values"]
    assert dev
    assert test
    assert not set(dev) & set(test)
    assert set(values) - set(dev) - set(test)

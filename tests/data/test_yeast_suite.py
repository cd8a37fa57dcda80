"""What holds for every packaged task of the yeast suite; labels are in test_yeast_labels.py."""

from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy import sparse

from dnaft.config import build, config_dir
from dnaft.data.packed import SPLITS, PackedWindows, read_packed
from dnaft.data.task import Task
from dnaft.data.yeast.__main__ import RECIPES, file_of
from dnaft.sequence import reverse_complement

TASKS = ("promoter", "tata", "strand", "orientation", "start", "coding")
SHA256 = {  # of the columns
    "promoter": "5bb7fed6e49601dc59c60f460b3480cbf3f24d4e00c63212f529d9e5bea29cf8",
    "tata": "976082afca164b917abb485e126c1f8c478888163d0c2c0d0ca0f9567a08432f",
    "strand": "8bc0f0dc3fea3397f68144208abfc95967bb6ba315667ca0d49bdd25eb3773e2",
    "orientation": "86d328e2a00038db58506d1cccfba48ec4a551a082d42a48c9b6e38080397a3c",
    "start": "72e5ca35cefd9ce10d18d34a27edf56b8e2bcf45aca826262d45f92aa62dcae9",
    "coding": "2727f9ade6dc972054f6c19b40999fbfd08461d3c9dd7c7898ec7b09f2d9cc1e",
    "features": "4de23485b4e3ad0186ed0345dfd9ae099d48ca19867bfbd9dc8ac79f79e29e27",
}
LENGTH_BP = {"strand": 70, "start": 200, "coding": 200, "features": 1000}  # others: 300
LENIENT = ("start", "orientation", "features")  # half of the words shared within a split


@pytest.fixture(scope="module")
def suite() -> dict[str, PackedWindows]:
    return {name: read_packed(file_of(name)) for name in SHA256}


def test_every_recipe_is_tested() -> None:
    assert set(SHA256) == set(RECIPES) == {*TASKS, "features"}


@pytest.mark.parametrize("name", SHA256)
def test_the_shipped_file_is_the_recorded_one(suite: dict[str, PackedWindows], name: str) -> None:
    assert suite[name].sha256() == SHA256[name]
    assert suite[name].metadata["task"] == f"yeast_{name}"
    assert suite[name].length_bp == LENGTH_BP.get(name, 300)


def test_the_files_are_small() -> None:
    assert sum(file_of(name).stat().st_size for name in SHA256) < 6e6


@pytest.mark.parametrize("name", SHA256)
def test_splits_are_whole_chromosomes(suite: dict[str, PackedWindows], name: str) -> None:
    split, chromosome = suite[name].split, suite[name].chromosome
    held = [set(chromosome[split == number].tolist()) for number in range(len(SPLITS))]
    assert held == [set(range(1, 17)) - {5, 8, 10, 14, 16}, {8, 14}, {5, 10, 16}]


@pytest.mark.parametrize("name", TASKS)
def test_classes_are_balanced(suite: dict[str, PackedWindows], name: str) -> None:
    for number in range(len(SPLITS)):
        negatives, positives = np.bincount(suite[name].labels[suite[name].split == number])
        # Turning round every second window of an odd number leaves one too many.
        assert abs(negatives - positives) <= (name in ("strand", "orientation"))


@pytest.mark.parametrize("name", SHA256)
def test_no_sequence_twice_on_either_strand(suite: dict[str, PackedWindows], name: str) -> None:
    sequences = suite[name].sequences()
    assert len({min(s, reverse_complement(s)) for s in sequences}) == len(sequences)


@pytest.mark.parametrize("name", [*TASKS, pytest.param("features", marks=pytest.mark.slow)])
def test_no_two_windows_are_nearly_identical(suite: dict[str, PackedWindows], name: str) -> None:
    """Counts the 24-mers that pairs share, from the letters; the recipe numbers words in base 4."""
    windows = suite[name]
    words = hash_words(windows)
    _, numbers, times = np.unique(words, return_inverse=True, return_counts=True)
    numbers = numbers.reshape(words.shape)
    row, column = np.nonzero(times[numbers] > 1)
    shape = (len(windows), len(times))
    table = sparse.csr_matrix((np.ones(len(row), np.int32), (row, numbers[row, column])), shape)
    table.data[:] = 1  # after duplicates were summed: distinct words
    pairs = sparse.triu(table @ table.T, k=1).tocoo()
    lenient = windows.split[pairs.row] == windows.split[pairs.col]
    if name in ("promoter", "tata"):
        lenient &= (windows.labels[pairs.row] == 1) & (windows.labels[pairs.col] == 1)
    elif name not in LENIENT:
        lenient[:] = False
    assert pairs.data[lenient].max(initial=0) <= 0.5 * words.shape[1]
    assert pairs.data[~lenient].max() <= 0.1 * words.shape[1]


def hash_words(windows: PackedWindows) -> np.ndarray:
    """Number the 24-mers of each window, those of both strands alike."""
    text = np.array([list(s.encode()) for s in windows.sequences()], np.uint8)
    other = np.zeros(256, np.uint8)
    other[list(b"ACGT")] = list(b"TGCA")
    factors = np.random.default_rng(1).integers(1, 2**63, 24, np.uint64) | np.uint64(1)

    def numbers(codes: np.ndarray) -> np.ndarray:
        """Letters times an odd factor for each place, summed, and scrambled."""
        letters = codes.astype(np.uint64)
        count = codes.shape[1] - 23
        sums = sum(letters[:, i : i + count] * factor for i, factor in enumerate(factors))
        return (sums ^ (sums >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)

    return numbers(text) + numbers(other[text][:, ::-1])[:, ::-1]


@pytest.mark.parametrize("name", SHA256)
def test_the_counts_in_the_file_add_up(suite: dict[str, PackedWindows], name: str) -> None:
    metadata = suite[name].metadata
    count = {k[6:]: int(v) for k, v in metadata.items() if k.startswith("count ")}
    kept = {key: number for key, number in count.items() if key.endswith(" kept")}
    without = count.get("starts without a decoy", 0)
    assert sum(kept.values()) - without == len(suite[name])
    if "promoters kept" in count:
        assert count["coding sequences"] == sum(n for k, n in count.items() if "promoters" in k)
    elif name == "start":
        assert count["coding sequences"] == sum(
            n for k, n in count.items() if k.startswith("starts ") and k != "starts without a decoy"
        )
    elif name == "coding":
        assert count["stretches between genes"] == sum(
            n for k, n in count.items() if k.startswith("stretches ") and "between" not in k
        )


# Test AUC and MCC of logistic regression on 6-mer counts under the penalty that dev chooses
# (python -m dnaft.train method=baseline_kmer task=yeast_...), as in docs/yeast.md.
YARDSTICK = {
    "promoter": (0.883, 0.600, 0.003),
    "tata": (0.804, 0.464, 0.01),
    "strand": (0.834, 0.517, 0.01),
    "orientation": (0.760, 0.381, 0.003),
    "start": (0.753, 0.366, 0.003),
    "coding": (0.966, 0.801, 0.01),
}


@pytest.mark.parametrize("name", TASKS)
def test_yardstick(suite: dict[str, PackedWindows], name: str) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import matthews_corrcoef, roc_auc_score

    windows, (auc, mcc, inverse_penalty) = suite[name], YARDSTICK[name]
    letters = np.array([["ACGT".index(c) for c in s] for s in windows.sequences()])
    views = np.lib.stride_tricks.sliding_window_view(letters, 6, axis=1)
    columns = views @ 4 ** np.arange(5, -1, -1)
    ends = np.arange(len(windows) + 1) * columns.shape[1]
    data = np.ones(columns.size)
    counts = sparse.csr_matrix((data, columns.ravel(), ends), (len(windows), 4**6))
    counts.sum_duplicates()
    train, test = windows.split == 0, windows.split == 2
    model = LogisticRegression(C=inverse_penalty, max_iter=500)
    logits = model.fit(counts[train], windows.labels[train]).decision_function(counts[test])
    assert roc_auc_score(windows.labels[test], logits) == pytest.approx(auc, abs=0.02)
    assert matthews_corrcoef(windows.labels[test], logits > 0) == pytest.approx(mcc, abs=0.04)


@pytest.mark.parametrize("name", SHA256)
def test_the_yaml_fits_the_file(suite: dict[str, PackedWindows], name: str) -> None:
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose(overrides=[f"+task=yeast_{name}"])
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    task = build(plain["task"], "task")
    assert isinstance(task, Task)
    assert task.length_bp == suite[name].length_bp
    assert task.rows == {
        split: int((suite[name].split == number).sum()) for number, split in enumerate(SPLITS)
    }
    assert task.domain.startswith("Yeast ")
    assert task.description
    assert task.reference
    tables = task.load("/nowhere")  # asserts rows and length_bp
    for number, split in enumerate(SPLITS):
        labels = suite[name].labels[suite[name].split == number]
        np.testing.assert_array_equal(tables[split].labels, labels)

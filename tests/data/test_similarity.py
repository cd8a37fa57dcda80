"""Near-duplicates are found, on either strand, and stay in one split."""

import csv
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from dnaft.data import similarity
from dnaft.data.similarity import bands, cluster, jaccard, kmer_set
from dnaft.data.split_rule import SplitRule
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.sequence import reverse_complement

RULE = SplitRule("similarity", dev_fraction=0.1, test_fraction=0.2)
needs_datasketch = pytest.mark.skipif(
    find_spec("datasketch") is None, reason="the extra 'similarity' is not installed"
)


def kmers_by_slices(sequence: str, k: int) -> set[str]:
    found = (sequence[i : i + k] for i in range(len(sequence) - k + 1))
    return {min(m, reverse_complement(m)) for m in found if set(m) <= set("ACGT")}


@settings(deadline=None)
@given(text=st.text(st.sampled_from("ACGTN"), max_size=60), k=st.integers(4, 16))
def test_kmers_are_canonical(text: str, k: int) -> None:
    expected = sorted(
        sum("ACGT".index(base) * 4 ** (k - 1 - i) for i, base in enumerate(m))
        for m in kmers_by_slices(text, k)
    )
    assert kmer_set(text, k).tolist() == expected
    assert kmer_set(reverse_complement(text).lower(), k).tolist() == expected


def test_jaccard_by_pencil() -> None:
    one, other = np.array([1, 2, 3]), np.array([2, 3, 4, 5])
    assert jaccard(one, other) == pytest.approx(2 / 5)
    assert jaccard(one[:0], other[:0]) == 0


@pytest.mark.parametrize("threshold", [0.1, 0.25, 0.5, 0.8, 0.95, 1.0])
def test_bands_miss_one_pair_in_a_thousand_at_most(threshold: float) -> None:
    count, rows = bands(threshold)
    assert (1 - threshold**rows) ** count <= 0.001
    assert count * rows <= 256


class AllPairs:
    """The Jaccard index of every pair that shares a k-mer, by a product of sparse matrices."""

    def __init__(self, sequences: list[str], k: int) -> None:
        sets = [kmers_by_slices(text, k) for text in sequences]
        number = {m: i for i, m in enumerate(set().union(*sets))}
        cells = [(row, number[m]) for row, found in enumerate(sets) for m in found]
        ones = np.ones(len(cells), np.int64)
        matrix = csr_array((ones, np.array(cells).T), shape=(len(sets), len(number)))
        shared = (matrix @ matrix.T).tocoo()
        sizes = np.array([len(found) for found in sets])
        self.rows, self.columns, self.shape = shared.row, shared.col, shared.shape
        self.jaccard = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)

    def clusters(self, threshold: float) -> NDArray[np.int32]:
        linked = self.jaccard >= threshold
        ends = self.rows[linked], self.columns[linked]
        graph = csr_array((np.ones(linked.sum()), ends), self.shape)
        labels: NDArray[np.int32] = connected_components(graph, directed=False)[1]
        return labels


def same_partition(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a)) == len(set(b))


@pytest.fixture(scope="module")
def promoters(shared_dir: Path) -> list[str]:
    """All of prom_300_tata/dev and some training rows."""
    sequences: list[str] = []
    for split, most in (("dev", 613), ("train", 100)):
        path = shared_dir / "data" / "GUE" / "prom" / "prom_300_tata" / f"{split}.csv"
        with path.open(newline="") as file:
            sequences += [row["sequence"] for row in csv.DictReader(file)][:most]
    return sequences


@needs_datasketch
def test_clusters_of_real_promoters_are_those_of_all_pairs(promoters: list[str]) -> None:
    expected = AllPairs(promoters, 11)
    for threshold in (0.2, 0.5, 0.9):
        clusters = expected.clusters(threshold)
        assert clusters.max() + 1 < len(promoters)  # there is something to find
        assert same_partition(cluster([promoters], threshold, 11), clusters)


def variants(count: int, seed: int) -> tuple[list[str], list[int]]:
    """Families of one to four: a random sequence, turned, shifted, with two letters changed."""
    random = np.random.default_rng(seed)
    sequences, family = [], []
    for number in range(count):
        first = "".join(random.choice(list("ACGT"), 120))
        changed = list(first)
        for at in random.choice(120, 2, replace=False):
            changed[at] = "ACGT"[("ACGT".index(changed[at]) + 1) % 4]
        family_of = [first, reverse_complement(first), first[10:], "".join(changed)]
        for text in family_of[: 1 + int(random.integers(4))]:
            sequences.append(text)
            family.append(number)
    order = random.permutation(len(sequences))
    return [sequences[i] for i in order], [family[i] for i in order]


@needs_datasketch
def test_families_are_clusters_and_stay_in_one_split(tmp_path: Path) -> None:
    sequences, family = variants(80, 1)
    assert same_partition(cluster([sequences], 0.5, 11), np.array(family))
    path = tmp_path / "a.csv"
    lines = [f"{text},{i % 2}" for i, text in enumerate(sequences)]
    path.write_text("\n".join(["sequence,label", *lines]))
    tables = Task("mine", "binary", TableFiles(file=str(path), split=RULE)).load("")
    of = [{family[n - 2] for n in table.numbers} for table in tables.values()]
    assert sum(map(len, of)) == 80
    rows = {split: len(table) for split, table in tables.items()}
    assert rows["dev"] == pytest.approx(0.1 * len(sequences), abs=4)
    assert rows["test"] == pytest.approx(0.2 * len(sequences), abs=4)
    sizes = np.bincount(family)
    assert tables["train"].facts["similarity"] == {
        "clusters": 80,
        "largest_cluster": 4,
        "rows_not_alone": int(sizes[sizes > 1].sum()),
    }


@needs_datasketch
def test_pairs_are_linked_by_either_sequence() -> None:
    sequences, _ = variants(6, 2)
    texts = sorted(sequences, key=len)[-6:]
    a, b, c, d, e, f = (text[:40] + t * 40 for text, t in zip(texts, "ACGTAC", strict=True))
    first, second = [a, a, b, c], [d, e, e, f]
    assert cluster([first, second], 0.9, 11).tolist() == [0, 0, 0, 1]


@needs_datasketch
def test_sequences_without_kmers_are_linked_to_equal_ones() -> None:
    assert cluster([["ACG", "NNNNNNNNNNNNN", "acg", "ACC"]], 0.5, 11).tolist() == [0, 1, 0, 2]


def test_without_datasketch_it_is_refused_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(similarity, "find_spec", lambda name: None)
    task = Task("mine", "binary", TableFiles(file="missing.csv", split=RULE))
    with pytest.raises(InputError, match=r"pip install 'dnaft\[similarity\]'.*split.by=group"):
        task.load("")

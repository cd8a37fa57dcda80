"""Features against a count in plain Python."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnaft.baselines import features as features_module
from dnaft.baselines.features import GcContent, KmerCounts, PositionalOneHot, SequenceLength

DNA = st.lists(st.text("ACGTNacgtnR", max_size=12), max_size=6)


def count_slowly(sequence: str, k: int) -> list[int]:
    words = ["".join(word) for word in product("ACGT", repeat=k)]
    windows = [sequence.upper()[i : i + k] for i in range(len(sequence) - k + 1)]
    return [windows.count(word) for word in words]


@given(DNA, st.integers(1, 3))
def test_kmer_counts_equal_a_plain_count(sequences: list[str], k: int) -> None:
    found = KmerCounts(k).transform(sequences, 0).toarray()
    expected = np.array([count_slowly(s, k) for s in sequences]).reshape(len(sequences), 4**k)
    assert (found == expected).all()


def test_kmer_counts_by_pencil() -> None:
    # AC 1, CG 6, GT 11, TA 12; of GTNAC the windows TN and NA are left out.
    found = KmerCounts(2).transform(["ACGTA", "GTNAC", "A", ""], 0)
    assert [found[[i]].nonzero()[1].tolist() for i in range(4)] == [[1, 6, 11, 12], [1, 11], [], []]
    assert found.shape == (4, 16)


@given(DNA)
def test_l2_rows_have_norm_one_or_zero(sequences: list[str]) -> None:
    counts = KmerCounts(2).transform(sequences, 0).toarray()
    scaled = KmerCounts(2, scale="l2").transform(sequences, 0).toarray()
    norms = np.sqrt((counts**2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(scaled * norms, counts, atol=1e-12)


def test_parts_make_the_same_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = ["ACGTAC", "GGG", "", "TTTTTTT", "ANA"]
    whole = KmerCounts(2).transform(sequences, 0).toarray()
    monkeypatch.setattr(features_module, "_ROWS_AT_ONCE", 2)
    assert (KmerCounts(2).transform(sequences, 0).toarray() == whole).all()


@given(DNA, st.integers(0, 14))
def test_one_hot_equals_a_plain_loop(sequences: list[str], length_bp: int) -> None:
    expected = np.zeros((len(sequences), 4 * length_bp))
    for i, sequence in enumerate(sequences):
        for p, base in enumerate(sequence.upper()[:length_bp]):
            if base in "ACGT":
                expected[i, 4 * p + "ACGT".index(base)] = 1
    assert (PositionalOneHot().transform(sequences, length_bp).toarray() == expected).all()


def test_count_cut() -> None:
    assert PositionalOneHot().count_cut(["ACGT", "ACG", "A"], 3) == 1
    assert KmerCounts().count_cut(["ACGT", "ACG", "A"], 3) == 0


@pytest.mark.parametrize("k", [0, -1, 9])
def test_k_out_of_range(k: int) -> None:
    with pytest.raises(ValueError, match=f"k must be 1 to 8, got {k}"):
        KmerCounts(k)


def test_unknown_scale() -> None:
    with pytest.raises(ValueError, match="scale must be none or l2, got 'max'"):
        KmerCounts(6, scale="max")  # type: ignore[arg-type]


@given(DNA)
def test_gc_and_length_equal_a_plain_loop(sequences: list[str]) -> None:
    bases = [[b for b in s.upper() if b in "ACGT"] for s in sequences]
    shares = [sum(b in "GC" for b in bs) / len(bs) if bs else 0.5 for bs in bases]
    found = GcContent().transform(sequences, 0).toarray()
    assert found.shape == (len(sequences), 1)
    assert found[:, 0].tolist() == pytest.approx(shares)
    lengths = SequenceLength().transform(sequences, 4).toarray()
    assert lengths[:, 0].tolist() == [len(s) / 4 for s in sequences]
    assert GcContent().count_cut(sequences, 1) == SequenceLength().count_cut(sequences, 1) == 0

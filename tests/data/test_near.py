"""Near duplicates against a comparison of every pair with every other."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.data import near
from dnaft.data.near import find_near
from dnaft.sequence import reverse_complement


def words(sequence: str, k: int) -> set[str]:
    found = {sequence[i : i + k] for i in range(len(sequence) - k + 1)}
    return {min(w, reverse_complement(w)) for w in found if set(w) <= set("ACGT")}


def by_brute_force(sequences: list[str], k: int, least: float) -> dict[tuple[int, int], float]:
    sets = [words(s, k) for s in sequences]
    found = {}
    for i, j in combinations(range(len(sets)), 2):
        either = len(sets[i] | sets[j])
        share = len(sets[i] & sets[j]) / either if either else 0
        if share and share >= least - 1e-12:
            found[i, j] = share
    return found


def found_by(columns: list[list[str]], k: int, least: float) -> dict[tuple[int, int], float]:
    pairs = find_near(columns, k, least)
    assert (pairs.first < pairs.second).all()
    assert pairs.words_passed_over == 0
    keys = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    return dict(zip(keys, pairs.similarity.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    sequences=st.lists(st.text("ACGTN", min_size=0, max_size=25), min_size=1, max_size=25),
    k=st.integers(1, 6),
    least=st.sampled_from([0.01, 0.2, 0.5, 0.75, 1.0]),
)
def test_no_pair_is_missed_and_none_invented(sequences: list[str], k: int, least: float) -> None:
    assert found_by([sequences], k, least) == pytest.approx(by_brute_force(sequences, k, least))


def mutated(random: np.random.Generator, sequence: str, changes: int) -> str:
    letters = list(sequence)
    for at in random.choice(len(letters), changes, replace=False):
        letters[at] = "ACGT"["ACGT".index(letters[at]) - 1]
    return "".join(letters)


def test_shifts_changes_and_strands() -> None:
    random = np.random.default_rng(4)
    genome = "".join(random.choice(list("ACGT"), 5000))
    window = genome[1000:1111]  # 100 words of 12 bases
    rows = [
        window,
        genome[1020:1131],  # 20 bases on: 80 words of 120
        reverse_complement(genome[1040:1151]),  # 40 on and turned: 60 of 140, below a half
        mutated(random, window, 1),
        genome[3000:3111],
    ]
    found = found_by([rows], 12, 0.5)
    assert found[0, 1] == pytest.approx(80 / 120)
    assert (0, 2) not in found
    assert found[1, 2] == pytest.approx(80 / 120)
    assert found[0, 3] > 0.7
    assert not any(4 in pair for pair in found)
    assert found_by([rows], 12, 0.4)[0, 2] == pytest.approx(60 / 140)


def test_words_of_the_two_sequences_of_a_pair_are_told_apart() -> None:
    first, second = ["ACGTTT", "GGGCCA"], ["GGGCCA", "ACGTTT"]
    assert found_by([first, second], 3, 0.1) == {}
    assert found_by([["ACGTTT"] * 2, ["GGGCCA"] * 2], 3, 0.1) == {(0, 1): 1.0}


def test_real_promoters(shared_dir: Path) -> None:
    path = shared_dir / "data" / "GUE" / "prom" / "prom_300_tata" / "test.csv"
    rows = [line.split(",")[0] for line in path.read_text().split()[1:]]
    expected = by_brute_force(rows, 12, 0.5)
    assert len(expected) > 2
    assert found_by([rows], 12, 0.5) == pytest.approx(expected)


def test_common_words_are_passed_over_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "_LARGEST_GROUP", 3)
    pairs = find_near([["ACGTACGTTGCA"] * 5], 6, 0.5)
    assert len(pairs.first) == 0
    assert pairs.words_passed_over > 0


@pytest.mark.parametrize(
    ("k", "least", "message"),
    [(0, 0.5, "word_bp must be 1 to 15, got 0"), (12, 0.0, r"least must lie in \(0, 1\], got 0")],
)
def test_wrong_numbers(k: int, least: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_near([["ACGT"]], k, least)

"""How rows are parted: shares, classes, groups, and what is refused."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.data.groups import part_by_groups
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import SequenceTable
from dnaft.errors import InputError

SPLITS = ("train", "dev", "test")


def table_of(rows: int, classes: int = 2, groups: list[str] | None = None) -> SequenceTable:
    sequences = [f"ACGT{'ACGT'[i % 4]}" for i in range(rows)]
    labels = np.arange(rows) % classes
    return SequenceTable(sequences, labels, "a.csv", "", np.arange(rows), groups=groups)


@settings(deadline=None)
@given(
    rows=st.integers(20, 200),
    classes=st.integers(1, 4),
    dev=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    seed=st.integers(0, 2**32),
)
def test_random_splits_share_rows_and_classes(
    rows: int, classes: int, dev: float, test: float, seed: int
) -> None:
    table = table_of(rows, classes)
    rule = SplitRule("random", dev_fraction=dev, test_fraction=test, seed=seed)
    parts = rule.part(table)
    numbers = [set(parts[split].numbers.tolist()) for split in SPLITS]
    assert sorted(n for part in numbers for n in part) == list(range(rows))
    for split, share in (("dev", dev), ("test", test)):
        assert abs(len(parts[split]) - share * rows) <= 1.5
        for c in range(classes):
            expected = share * int((table.labels == c).sum())
            assert abs(int((parts[split].labels == c).sum()) - expected) <= 2.5
    again = rule.part(table)
    assert all((again[s].numbers == parts[s].numbers).all() for s in SPLITS)


def test_the_seed_decides() -> None:
    first, second = (
        SplitRule("random", dev_fraction=0.2, test_fraction=0.2, seed=seed).part(table_of(50))
        for seed in (1, 2)
    )
    assert first["test"].numbers.tolist() != second["test"].numbers.tolist()


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=20, max_size=50),
    seed=st.integers(0, 2**32),
    shares=st.sampled_from([{"test": 0.2, "dev": 0.1}, {"dev": 0.15}]),
)
def test_groups_stay_together(sizes: list[int], seed: int, shares: dict[str, float]) -> None:
    groups = [f"family{g}" for g, size in enumerate(sizes) for _ in range(size)]
    groups = [groups[i] for i in np.random.default_rng(seed).permutation(len(groups))]
    table = table_of(len(groups))
    try:
        parts = part_by_groups(table, groups, shares, seed)
    except InputError:
        assert max(sizes) > 0.1 * len(groups) - 1  # a share is too small for it
        return
    of = [{groups[n] for n in part.numbers} for part in parts.values()]
    assert sum(map(len, of)) == len(set(groups)) == len(set().union(*of))
    for split, share in shares.items():
        room = np.ceil(round(share * len(groups), 6)) - len(parts[split])
        assert 0 <= room < max(sizes)


def test_single_rows_fill_their_shares_exactly() -> None:
    parts = part_by_groups(table_of(100), list(map(str, range(100))), {"test": 0.2, "dev": 0.1}, 3)
    assert Counter({s: len(p) for s, p in parts.items()}) == {"train": 70, "dev": 10, "test": 20}


def test_groups_by_a_column() -> None:
    groups = [f"g{i // 4}" for i in range(80)]
    rule = SplitRule("group", "family", dev_fraction=0.1, test_fraction=0.2)
    parts = rule.part(table_of(80, groups=groups))
    assert [len(parts[split]) for split in SPLITS] == [56, 8, 16]
    assert all(max(Counter(part.groups).values()) == 4 for part in parts.values())
    assert all(min(Counter(part.groups).values()) == 4 for part in parts.values())


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (SplitRule("column", "c", ("x",), ("z",)), r"no row has 'x' in the column 'c', which has"),
        (SplitRule("column", "c", ("a",), ("b",)), "no row is left to train on"),
        (
            SplitRule("group", "c", dev_fraction=0.1, test_fraction=0.1),
            r"no rows for test: 10 rows form 2 groups, the largest of 5 rows",
        ),
        (
            SplitRule("random", dev_fraction=0.01, test_fraction=0.98),
            r"cannot be parted with test_fraction 0\.98; .*task\.source\.split\.test_fraction",
        ),
    ],
)
def test_splits_that_would_be_empty(rule: SplitRule, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rule.part(table_of(10, groups=["a", "b"] * 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "column"}, "by=column needs a column"),
        ({"by": "group"}, "by=group needs a column"),
        ({"column": "c"}, "column has no part in by=files"),
        ({"by": "random", "dev_values": ("a",)}, "dev_values and test_values have no part"),
        ({"dev_fraction": 0.1}, "dev_fraction and test_fraction have no part in by=files"),
        ({"by": "column", "column": "c", "test_fraction": 0.1}, "no part in by=column"),
        (
            {"by": "column", "column": "c", "dev_values": ("a",), "test_values": ("a",)},
            "a stands in dev_values and in test_values",
        ),
        ({"by": "random", "dev_fraction": 0.5, "test_fraction": 0.5}, "together below 1"),
        ({"by": "random", "dev_fraction": 0.0}, "must be above 0"),
        ({"by": "random", "dev_fraction": float("nan")}, "must be above 0"),
        ({"by": "random", "dev_fraction": 0.1, "seed": -1}, "seed must be 0 or more"),
        ({"by": "similarity", "similarity": 0.05}, r"similarity must lie in \[0.1, 1\]"),
        ({"by": "similarity", "similarity_k": 17}, r"similarity_k must lie in 4\.\.16"),
    ],
)
def test_settings_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SplitRule(**options)

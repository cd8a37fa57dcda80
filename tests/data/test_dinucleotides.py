"""Shuffled sequences, counted with a Counter, and in the real files that have them."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dnaft.data.dinucleotides import count_shuffles
from dnaft.data.reader import read_csv
from dnaft.data.table import RowRules, SequenceTable, build_table


def table(rows: list[tuple[str, int]]) -> SequenceTable:
    labels = np.array([label for _, label in rows])
    return SequenceTable([s for s, _ in rows], labels, "a.csv", "", np.arange(len(rows)))


def test_by_pencil() -> None:
    # AACAG, ACAAG and AGACAA are walks over the same or other pairs of letters.
    train = table([("AACAG", 1), ("ACAAG", 0), ("TTTTT", 1), ("CCCCC", 0)])
    test = table([("ACAAG", 1), ("AACAG", 1), ("TTTTT", 0), ("AAACG", 1)])
    found = count_shuffles({"train": train, "test": test})
    # In train the first two shuffle each other. In test the first row's own sequence does not
    # count, AACAG does, under its label; the second has ACAAG as a 0; TTTTT only has itself.
    assert found["train"] == {"other_label": 2, "same_label": 0, "rows": 4}
    assert found["test"] == {"other_label": 1, "same_label": 1, "rows": 4}


def test_against_counters() -> None:
    random = np.random.default_rng(0)
    splits = {}
    for split in ("train", "test"):
        rows = ["".join(random.choice(list("ACN"), random.integers(1, 7))) for _ in range(120)]
        splits[split] = [(s, int(random.integers(3))) for s in rows]

    def key(sequence: str) -> object:
        return frozenset(Counter(pairwise(sequence)).items())

    found = count_shuffles({split: table(rows) for split, rows in splits.items()})
    for split, rows in splits.items():
        other = same = 0
        for s, y in rows:
            labels = {b for t, b in splits["train"] if t != s and key(t) == key(s)}
            other += bool(labels - {y})
            same += y in labels
        assert found[split] == {"other_label": other, "same_label": same, "rows": 120}


@pytest.mark.parametrize(("dataset", "share"), [("mouse/2", 0.8), ("prom/prom_300_tata", 0.0)])
def test_real_negatives(shared_dir: Path, dataset: str, share: float) -> None:
    rules = RowRules(dataset, "binary", 1)
    folder = shared_dir / "data" / "GUE" / dataset
    tables = {
        split: build_table(read_csv(folder / f"{split}.csv", "sequence", ["label"]), rules)
        for split in ("train", "test")
    }
    found = count_shuffles(tables)["test"]
    assert found["other_label"] / found["rows"] == pytest.approx(share, abs=0.05)
    assert found["same_label"] / found["rows"] < 0.02

"""The GUE files against the tables of their README, which were counted by another program."""

import re
from pathlib import Path

import pytest

from dnaft.data.leaks import count_leaks, count_split, drop_leaks
from dnaft.data.reader import read_csv
from dnaft.data.source import SPLITS
from dnaft.data.table import RowRules, SequenceTable, build_table
from dnaft.metrics import Kind

# `exact` in the README counts rows of the second split. In three pairs some of these rows hold
# the same sequence; distinct sequences, counted with `sort -u` and `comm -12`:
DISTINCT = {
    ("prom/prom_core_all", "train/test"): 42,
    ("prom/prom_core_notata", "train/test"): 29,
    ("splice/reconstructed", "dev/test"): 30,
}


def number(text: str) -> int:
    return int(text.replace(",", ""))


def markdown_rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, header and ruler left out."""
    section = text.split(f"\n### {heading}\n", 1)[1]
    lines = re.split(r"\n#", section)[0].splitlines()
    cells = [[c.strip(" `") for c in line.strip("|").split("|")] for line in lines if "|" in line]
    return cells[2:]


@pytest.fixture(scope="module")
def readme(shared_dir: Path) -> str:
    return (shared_dir / "data" / "README.md").read_text()


@pytest.fixture(scope="module")
def tables(shared_dir: Path, readme: str) -> dict[str, dict[str, SequenceTable]]:
    found: dict[str, dict[str, SequenceTable]] = {}
    for cells in markdown_rows(readme, "Datasets"):
        dataset, split = cells[0], cells[2]
        outputs = cells[5].count(":")
        kind: Kind = "binary" if outputs == 2 else "multiclass"
        rules = RowRules(dataset, kind, 1 if outputs == 2 else outputs)
        path = shared_dir / "data" / "GUE" / dataset / f"{split}.csv"
        raw = read_csv(path, "sequence", ["label"])
        found.setdefault(dataset, {})[split] = build_table(raw, rules)
    return found


def test_every_row_of_the_dataset_table(
    readme: str, tables: dict[str, dict[str, SequenceTable]]
) -> None:
    rows = markdown_rows(readme, "Datasets")
    assert len(rows) == 39
    for dataset, _, split, n, length, labels, gc, duplicates, conflicts in rows:
        counts = count_split(tables[dataset][split])
        where = f"{dataset} {split}"
        assert counts.rows == number(n), where
        assert counts.length_bp_min == counts.length_bp_max == int(length), where
        expected = dict(part.strip().split(": ") for part in labels.split("/"))
        assert counts.labels == {k: number(v) for k, v in expected.items()}, where
        assert list(counts.gc.values()) == pytest.approx(
            [float(x) for x in gc.split("/")], abs=0.00051
        ), where
        assert counts.duplicates == int(duplicates), where
        assert counts.conflicts == int(conflicts), where
        assert counts.rc_pairs == 0, where  # "No file holds a sequence together with its ..."
        assert counts.lower_case == 0, where


def test_every_row_of_the_overlap_table(
    readme: str, tables: dict[str, dict[str, SequenceTable]]
) -> None:
    expected = {
        (dataset, pair): (int(exact), int(rc), int(differs), number(of))
        for dataset, pair, exact, rc, differs, of in markdown_rows(readme, "Overlap between splits")
    }
    assert len(expected) == 14
    found = {
        (dataset, pair): (c["exact"], c["rc"], c["label_differs"], c["rows"])
        for dataset, splits in tables.items()
        for pair, c in count_leaks(in_order(splits)).items()
        if c["exact"] or c["rc"]
    }
    assert found == expected


def test_distinct_sequences_shared_between_splits(
    tables: dict[str, dict[str, SequenceTable]],
) -> None:
    for dataset, splits in tables.items():
        for pair, counts in count_leaks(in_order(splits)).items():
            expected = DISTINCT.get((dataset, pair), counts["exact"])
            assert counts["exact_distinct"] == expected, (dataset, pair)


def test_checksums(readme: str, tables: dict[str, dict[str, SequenceTable]]) -> None:
    sums = dict(re.findall(r"\| `GUE/([^`]+)\.csv` \| [\d,]+ \| `([0-9a-f]{64})`", readme))
    assert len(sums) == 39
    for name, sha256 in sums.items():
        dataset, split = name.rsplit("/", 1)
        assert tables[dataset][split].sha256 == sha256


def test_dropping_leaks_leaves_none(tables: dict[str, dict[str, SequenceTable]]) -> None:
    # tf/1: one training sequence is in test, another is the reverse complement of a test row.
    clean, dropped = drop_leaks(tables["tf/1"])
    assert dropped == 2
    assert len(clean["train"]) == 30_672 - 2
    assert [len(clean[s]) for s in ("dev", "test")] == [1000, 1000]
    after = count_leaks(in_order(clean))
    assert all(after[p]["exact"] == after[p]["rc"] == 0 for p in ("train/dev", "train/test"))


def in_order(splits: dict[str, SequenceTable]) -> dict[str, SequenceTable]:
    return {split: splits[split] for split in SPLITS if split in splits}

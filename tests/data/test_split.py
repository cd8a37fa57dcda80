"""The dev split held out of train."""

from pathlib import Path

import numpy as np
import pytest

from dnaft.data.fasta_folder import FastaFolder
from dnaft.data.split import hold_out
from dnaft.data.table import RowRules, SequenceTable
from dnaft.errors import InputError


def table(labels: list[int]) -> SequenceTable:
    n = len(labels)
    sequences = ["ACGT"] * n
    return SequenceTable(sequences, np.array(labels), "a.fna", "", np.arange(1, n + 1))


@pytest.mark.parametrize(
    ("rows", "dev"),
    [
        (14_968, 2_246),  # enhancers: 12,722 / 2,246
        (47_767, 7_166),  # promoter_no_tata: 40,601 / 7,166
        (13_468, 2_021),  # H3: 11,447 / 2,021
        (100, 15),
        (20, 3),
    ],
)
@pytest.mark.parametrize("stratified", [False, True])
def test_published_counts(rows: int, dev: int, stratified: bool) -> None:
    parts = hold_out(table([i % 3 % 2 for i in range(rows)]), 0.15, 1, stratified)
    assert [len(part) for part in parts] == [rows - dev, dev]


@pytest.mark.parametrize("stratified", [False, True])
def test_parts_are_disjoint_seeded_and_in_file_order(stratified: bool) -> None:
    whole = table([0, 1] * 50)
    train, dev = hold_out(whole, 0.2, 7, stratified)
    assert sorted([*train.numbers, *dev.numbers]) == list(range(1, 101))
    assert (np.diff(train.numbers) > 0).all()
    assert (np.diff(dev.numbers) > 0).all()
    assert hold_out(whole, 0.2, 7, stratified)[1].numbers.tolist() == dev.numbers.tolist()
    assert hold_out(whole, 0.2, 8, stratified)[1].numbers.tolist() != dev.numbers.tolist()


def test_stratified_shares() -> None:
    # 70, 20 and 10 rows, a tenth of each.
    _, dev = hold_out(table([0] * 70 + [1] * 20 + [2] * 10), 0.1, 1, stratified=True)
    assert np.bincount(dev.labels).tolist() == [7, 2, 1]


def test_too_few_rows() -> None:
    with pytest.raises(InputError, match=r"a\.fna: 1 rows cannot be parted with dev_fraction 0\.5"):
        hold_out(table([1]), 0.5, 1, stratified=False)


def test_fasta_folder(tmp_path: Path) -> None:
    folder = tmp_path / "nucleotide_transformer_downstream_tasks" / "enhancers"
    folder.mkdir(parents=True)
    rows = [f">seq{i}|{i % 2}\n{'ACGT'[i % 4] * 20}\n" for i in range(40)]
    (folder / "train.fna").write_text("".join(rows))
    (folder / "test.fna").write_text("".join(rows[:4]))
    source = FastaFolder("nucleotide_transformer_downstream_tasks/enhancers")
    rules = RowRules("nt_enhancers", "binary", 1)
    for data_dir in (tmp_path, tmp_path / "nucleotide_transformer_downstream_tasks"):
        tables = source.load(rules, str(data_dir))
        assert {split: len(t) for split, t in tables.items()} == {"train": 34, "dev": 6, "test": 4}
    (folder / "test.fna").unlink()
    with pytest.raises(InputError, match=r"has train\.fna but not test\.fna"):
        source.load(rules, str(tmp_path))

"""Tables of pairs: read, checked, counted as pairs, encoded, batched."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.leaks import count_leaks, count_split, drop_leaks
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import SequenceTable
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer

KMER = KmerTokenizer(k=3)
ROWS = {
    "train": ["ACGTA,TTGCA,0", "acgta,GGGCA,1", "CCCAAA,TTGCA,1"],
    "dev": ["ACGTC,TTGCA,0", "CCGTA,GATCA,1"],
    "test": ["ACGTAA,TTGC,0", "AGGTAC,TTNC,1"],
}


def write(folder: Path, rows: dict[str, list[str]]) -> TableFiles:
    files: dict[str, Any] = {}
    for split, lines in rows.items():
        files[split] = str(folder / f"{split}.csv")
        Path(files[split]).write_text("\n".join(["enhancer,promoter,label", *lines, ""]))
    return TableFiles(**files, sequence_column="enhancer", sequence_b_column="promoter")


def module(
    folder: Path, rows: dict[str, list[str]] = ROWS, tokenizer: Tokenizer = KMER, **options: Any
) -> SequenceDataModule:
    of_task = {k: options.pop(k) for k in ("drop_leaks", "length_bp") if k in options}
    task = Task("mine", "binary", write(folder, rows), **of_task)
    return SequenceDataModule(task, tokenizer, "", str(folder / "cache"), **options)


def test_tables_hold_both_sequences(tmp_path: Path) -> None:
    train = module(tmp_path).tables["train"]
    assert train.sequences == ["ACGTA", "ACGTA", "CCCAAA"]
    assert train.sequences_b == ["TTGCA", "GGGCA", "TTGCA"]
    assert train.lengths_bp().tolist() == [10, 10, 11]
    assert train.lower_case == 1
    taken = train.take(np.array([2, 0]))
    assert (taken.sequences, taken.sequences_b) == (["CCCAAA", "ACGTA"], ["TTGCA", "TTGCA"])


def test_a_held_out_dev_split_keeps_pairs_together(tmp_path: Path) -> None:
    bases = [("ACGT"[i % 4] * 5, "ACGT"[i // 4] * 5) for i in range(16)]
    lines = [f"{a},{b},{i % 2}" for i, (a, b) in enumerate(bases)]
    source = write(tmp_path, {"train": lines, "test": ROWS["test"]} | {"dev": []})
    source = TableFiles(
        train=source.train, test=source.test, split=SplitRule("random", dev_fraction=0.25),
        sequence_column="enhancer", sequence_b_column="promoter",
    )  # fmt: skip
    tables = Task("mine", "binary", source).load("")
    found = [
        (a, b) for split in ("train", "dev") for a, b in zip(*tables[split].columns(), strict=True)
    ]
    assert len(tables["dev"]) == 4
    assert sorted(found) == sorted(bases)


def test_batches_carry_token_types(tmp_path: Path) -> None:
    (batch,) = module(tmp_path).test_dataloader()
    assert batch.windows is None
    ids = batch.input_ids.tolist()
    expected = KMER.encode_pairs(["ACGTAA", "AGGTAC"], ["TTGC", "TTNC"])
    assert ids == [row.tolist() for row in expected]
    assert batch.token_type_ids.tolist() == [[0] * 6 + [1] * 3] * 2
    (batch,) = module(tmp_path).train_dataloader()
    width = batch.input_ids.shape[1]
    for row in range(3):
        real = int(batch.attention_mask[row].sum())
        separator = batch.input_ids[row].tolist().index(3)
        types = batch.token_type_ids[row].tolist()
        assert types == [0] * (separator + 1) + [1] * (real - separator - 1) + [0] * (width - real)


def test_single_sequences_have_no_token_types(tmp_path: Path) -> None:
    data = module(tmp_path)
    source = TableFiles(**{s: str(tmp_path / f"{s}.csv") for s in ROWS}, sequence_column="enhancer")  # type: ignore[arg-type]
    single = SequenceDataModule(Task("mine", "binary", source), KMER, "", data.cache_dir)
    assert single.tokens["test"].type_ids is None
    (batch,) = single.test_dataloader()
    assert batch.token_type_ids is None


def test_a_pair_is_the_unit_of_leaks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = {
        # Each sequence of dev is in train, but the pair only once, once on the other strand and
        # once the other way round.
        "train": ["ACGTA,TTGCA,0", "ACGTA,TTGCA,1", "CCCAA,GGGCA,1", "CCCAA,AAAAA,0"],
        "dev": ["ACGTA,TTGCA,0", "TTGGG,TGCCC,1", "AAAAA,CCCAA,1", "ACGTA,GGGCA,0"],
        "test": ["TACGT,GGGCA,0", "ACGTA,TGCCC,1"],
    }
    data = module(tmp_path, rows, drop_leaks=True)
    with caplog.at_level(logging.WARNING):
        leaks = data.summary()["leaks"]
    assert leaks["train/dev"] == {
        "exact": 1, "exact_distinct": 1, "rc": 1, "label_differs": 0, "rows": 4,
    }  # fmt: skip
    assert leaks["train/test"]["exact"] == leaks["train/test"]["rc"] == 0
    assert leaks["dev/test"]["rc"] == 0  # half a pair on the other strand is another pair
    counts = data.summary()["counts"]["train"]
    assert (counts["duplicates"], counts["conflicts"], counts["rc_pairs"]) == (1, 1, 0)
    assert "train: 1 of 4 rows repeat a pair of the split, pairs with two labels: 1" in caplog.text
    assert "dev: the pairs of 1 of 4 rows are in train, of 1 more" in caplog.text
    # Both rows of the first pair, and the one whose other strand is in dev.
    assert data.tables["train"].sequences_b == ["AAAAA"]


def test_counts_of_pairs() -> None:
    table = SequenceTable(
        ["GGGG", "AA"], np.array([0, 1]), "x", "", np.arange(2), sequences_b=["A", "CCAAAA"]
    )
    counts = count_split(table)
    assert (counts.length_bp_min, counts.length_bp_max) == (1, 6)
    assert counts.gc == {"0": 0.8, "1": 0.25}
    both = {"train": table, "dev": table, "test": table}
    assert count_leaks(both)["train/dev"]["exact"] == 2
    assert len(drop_leaks(both)[0]["train"]) == 0


def test_pairs_over_the_limit_are_refused_or_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # 3 specials and 3 + 3, 3 + 3, 4 + 3 3-mers in train: 8 tokens lose 1, 1 and 2 bp.
    with pytest.raises(InputError) as caught:
        module(tmp_path, max_tokens=8).setup()
    message = str(caught.value)
    assert "over the limit of 8 tokens: train 3 of 3 pairs lose 4 bp (at most 2 bp each)" in message
    assert "data.long_input=cut, of the longer sequence of a pair first" in message
    assert "windows" not in message
    data = module(tmp_path, max_tokens=8, long_input="cut")
    with caplog.at_level(logging.WARNING):
        tokens = data.tokens["train"]
    assert "train 3 of 3 pairs lose 4 bp" in caplog.text
    assert tokens.lengths().tolist() == [8, 8, 8]
    assert tokens.kept_bp.tolist() == [9, 9, 9]
    # Of equals the first loses a base; CCCAAA, the longer one, and TTGCA lose one each.
    kept = KMER.encode_pairs(["ACGT", "ACGT", "CCCAA"], ["TTGCA", "GGGCA", "TTGC"])
    assert [tokens[i][0].tolist() for i in range(3)] == [row.tolist() for row in kept]
    assert data.summary()["truncation"]["train"]["lost_bp"] == 4


def test_no_room_for_a_token_of_each(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train\.csv line 2: no base fits into 4 tokens"):
        module(tmp_path, max_tokens=4, long_input="cut").setup()


def test_pairs_are_not_read_in_windows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the rows are pairs.*set data\.long_input=cut or error"):
        module(tmp_path, long_input="windows").setup()


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        (
            NonOverlappingTokenizer(),
            "tokenizer: NonOverlappingTokenizer encodes one sequence a row",
        ),
        (BpeTokenizer("package:bbpe_yeast"), "tokenizer: tokenizer package:bbpe_yeast cannot enc"),
    ],
)
def test_tokenizers_of_single_sequences(tokenizer: Tokenizer, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        module(tmp_path, tokenizer=tokenizer).setup()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("ACGTA,,0", r"train\.csv line 2: the second sequence is empty; fill it"),
        ("ACGTA,ACRT,0", r"line 2: letter 'R' at position 3 of the second sequence is not in"),
        ("ACGTA,AC,0", r"train\.csv line 2: the second sequence has 2 bp, the tokenizer needs 3"),
        ("AC,ACGT,0", r"train\.csv line 2: the sequence has 2 bp, the tokenizer needs 3"),
    ],
)
def test_wrong_rows(row: str, message: str, tmp_path: Path) -> None:
    rows = ROWS | {"train": [row, "ACGTA,TTTTT,1", "ACGTA,CCCCC,0"]}
    with pytest.raises(InputError, match=message):
        module(tmp_path, rows).setup()


def test_the_length_is_asserted_of_both(tmp_path: Path) -> None:
    rows = ROWS | {"train": ["ACGTA,TTGCA,0", "ACGTA,TTGC,1"]}
    with pytest.raises(InputError, match=r"train\.csv line 3: 4 bp, task\.length_bp says 5"):
        module(tmp_path, rows, length_bp=5).setup()

"""Rows as their reverse complements: which are read, when, and what they hold."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dnaft.batch import Batch
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.table import SequenceTable
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.finetuner import predict
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from small_models import small_backbone

KMER = KmerTokenizer(k=3)
COUNTS = {"train": 40, "dev": 9, "test": 11}
PAIR = {"A": "T", "C": "G", "G": "C", "T": "A", "N": "N"}


def other(sequence: str) -> str:
    """Letter by letter, the last one first."""
    return "".join(PAIR[base] for base in reversed(sequence))


def sequences_of(split: str) -> list[str]:
    random = np.random.default_rng(len(split) + COUNTS[split])
    lengths = random.integers(12, 21 if split == "train" else 15, COUNTS[split])
    return ["".join(random.choice(list("ACGTN"), n, p=[0.3, 0.3, 0.1, 0.2, 0.1])) for n in lengths]


def module(
    folder: Path, tokenizer: Tokenizer = KMER, pairs: bool = False, turned: str = "",
    of_task: dict[str, Any] | None = None, **options: Any,
) -> SequenceDataModule:  # fmt: skip
    """A task of random rows; those of the split `turned` are written as reverse complements."""
    files: dict[str, Any] = {}
    for split in COUNTS:
        files[split] = str(folder / f"{split}{'_turned' if split == turned else ''}.csv")
        rows = sequences_of(split)
        rows = [other(row) for row in rows] if split == turned else rows
        with open(files[split], "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sequence", "second", "label"])
            # other(row[:7]) is other(row)[-7:].
            part = slice(-7, None) if split == turned else slice(7)
            writer.writerows([row, row[part], i % 2] for i, row in enumerate(rows))
    if pairs:
        files["sequence_b_column"] = "second"
    task = Task("mine", "binary", TableFiles(**files), **(of_task or {}))
    defaults: dict[str, Any] = {"batch_size": 4, "data_dir": "", "cache_dir": str(folder / "cache")}
    return SequenceDataModule(task, tokenizer, **(defaults | options))


def lines(batch: Batch) -> list[list[int]]:
    """The ids of each line of a batch without its padding."""
    return [
        ids[: int(mask.sum())].tolist()
        for ids, mask in zip(batch.input_ids, batch.attention_mask, strict=True)
    ]


def epoch(data: SequenceDataModule, number: int) -> list[tuple[list[int], float]]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(number)  # type: ignore[attr-defined]
    return [
        (ids, float(label))
        for batch in loader
        for ids, label in zip(lines(batch), batch.labels, strict=True)
    ]


def encoded(sequences: list[str], tokenizer: Tokenizer = KMER) -> list[list[int]]:
    return [row.tolist() for row in tokenizer.encode(sequences)]


def test_both_sequences_of_a_pair_are_turned_in_place() -> None:
    table = SequenceTable(
        ["AACGN", "TT"], np.array([1, 0]), "x.csv", "", np.array([2, 5]), sequences_b=["GA", "CCA"]
    )
    turned = table.other_strand()
    assert (turned.sequences, turned.sequences_b) == (["NCGTT", "AA"], ["TC", "TGG"])
    assert turned.labels.tolist() == [1, 0]
    assert turned.place(1) == "x.csv line 5"
    assert turned.other_strand().sequences == table.sequences


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_training_rows_are_read_on_either_strand(tmp_path: Path, probability: float) -> None:
    data = module(tmp_path, reverse_complement=probability, sort_batches=1)
    rows = sequences_of("train")
    forward, reverse = encoded(rows), encoded([other(row) for row in rows])
    assert not any(ids in forward for ids in reverse)
    turned = []
    for number in range(20):
        found = epoch(data, number)
        assert len(found) == 40
        seen = set()
        for ids, label in found:
            strand = ids in reverse
            row = (reverse if strand else forward).index(ids)
            assert label == row % 2
            seen.add(row)
            turned.append(strand)
        assert seen == set(range(40))
    # Within 3 standard deviations of 800 draws.
    assert np.mean(turned) == pytest.approx(
        probability, abs=3 * (probability * (1 - probability) / 800) ** 0.5
    )


def test_strands_are_drawn_anew_in_each_epoch_by_the_seed(tmp_path: Path) -> None:
    first = module(tmp_path, reverse_complement=0.5)
    again = module(tmp_path, reverse_complement=0.5, num_workers=2)
    another = module(tmp_path, reverse_complement=0.5, seed=2)
    reverse = encoded([other(row) for row in sequences_of("train")])

    def turned(data: SequenceDataModule, number: int) -> set[int]:
        return {reverse.index(ids) for ids, _ in epoch(data, number) if ids in reverse}

    assert epoch(first, 0) == epoch(again, 0)
    assert turned(first, 0) != turned(first, 1)
    assert turned(first, 0) != turned(another, 0)
    # How batches are sorted has no part in it.
    assert turned(module(tmp_path, reverse_complement=0.5, sort_batches=1), 0) == turned(first, 0)


def test_order_and_draws_are_those_without(tmp_path: Path) -> None:
    """Which rows an epoch reads does not depend on the strand they are read on."""
    labels = [
        [label for _, label in epoch(module(tmp_path, sort_batches=1, **options), 3)]
        for options in (
            {"weighted_sampling": True},
            {"weighted_sampling": True, "reverse_complement": 0.5},
        )
    ]
    assert labels[0] == labels[1]


def test_a_row_that_comes_twice_has_two_draws(tmp_path: Path) -> None:
    data = module(tmp_path, reverse_complement=0.5, weighted_sampling=True)
    rows = sequences_of("train")
    forward, reverse = encoded(rows), encoded([other(row) for row in rows])
    strands: dict[int, set[bool]] = {}
    for number in range(3):
        for ids, _ in epoch(data, number):
            strand = ids in reverse
            row = (reverse if strand else forward).index(ids)
            strands.setdefault(row + 100 * number, set()).add(strand)
    assert any(len(found) == 2 for found in strands.values())


def test_windows_are_laid_on_the_strand_that_is_read(tmp_path: Path) -> None:
    """12 tokens hold 12 bp: longer rows are two windows, their first and their last 12 bases."""
    options: dict[str, Any] = {"max_tokens": 12, "long_input": "windows"}
    data = module(tmp_path, reverse_complement=1.0, **options)
    found: list[list[list[int]]] = []
    for batch in data.train_dataloader():
        rest = lines(batch)
        for count in [1] * len(batch.labels) if batch.windows is None else batch.windows.tolist():
            found.append([rest.pop(0) for _ in range(count)])
    expected = []
    for row in map(other, sequences_of("train")):
        pieces = [row] if len(row) <= 12 else [row[:12], row[-12:]]
        expected.append(encoded(pieces))
    assert sorted(found) == sorted(expected)
    summary = data.summary()
    assert summary["other_strand"]["windows"] == {"train": summary["windows"]["train"]}
    assert summary["windows"]["train"]["sequences"] > 20


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("long_input", ["error", "windows"])
def test_logits_of_both_strands_are_averaged(tmp_path: Path, pairs: bool, long_input: str) -> None:
    if pairs and long_input == "windows":
        pytest.skip("pairs are not read in windows")
    options: dict[str, Any] = {"eval_batch_size": 6, "long_input": long_input, "pairs": pairs}
    if long_input == "windows":
        options["max_tokens"] = 12
    backbone = small_backbone("bert", {}, "mean")
    backbone.attach_head(1)
    forward, labels = predict(backbone, module(tmp_path, **options).test_dataloader())
    turned = module(tmp_path, turned="test", **options)
    reverse, _ = predict(backbone, turned.test_dataloader())
    both = module(tmp_path, eval_reverse_complement=True, **options)
    batches = list(both.test_dataloader())
    assert [len(batch.labels) for batch in batches] == [3, 3, 3, 2]
    assert all(batch.strands == 2 for batch in batches)
    found, found_labels = predict(backbone, batches)
    assert found_labels.tolist() == labels.tolist() == [i % 2 for i in range(11)]
    torch.testing.assert_close(found, (forward + reverse) / 2, rtol=0, atol=1e-6)
    assert not torch.allclose(forward, reverse, atol=1e-4)


def test_what_is_encoded_and_recorded(tmp_path: Path) -> None:
    """Three splits, then train's other strand, then those of dev and test: each once."""

    def entries() -> int:
        return sum(path.is_dir() for path in (tmp_path / "cache").iterdir())

    plain = module(tmp_path).summary()
    assert plain["other_strand"] == {}
    assert entries() == 3
    in_training = module(tmp_path, reverse_complement=0.1).summary()
    assert entries() == 4
    assert set(in_training["other_strand"]["tokens"]) == {"train"}
    both = module(tmp_path, reverse_complement=0.5, eval_reverse_complement=True).summary()
    assert entries() == 6
    assert set(both["other_strand"]["tokens"]) == set(COUNTS)
    assert both["other_strand"]["tokens"] == both["tokens"]  # as many k-mers on either strand
    assert {k: v for k, v in both.items() if k != "other_strand"} == {
        k: v for k, v in plain.items() if k != "other_strand"
    }


def test_rows_that_are_too_long_on_the_other_strand_only(tmp_path: Path) -> None:
    """Byte-pair tokens need not be as many on either strand."""
    tokenizer = BpeTokenizer("package:bbpe_yeast")
    rows = sequences_of("train")
    forward = tokenizer.encode(rows).lengths()
    reverse = tokenizer.encode([other(row) for row in rows]).lengths()
    limit = int(forward.max())
    beyond = int((reverse > limit).sum())
    assert beyond, "choose other rows"
    options: dict[str, Any] = {"tokenizer": tokenizer, "max_tokens": limit}
    with pytest.raises(InputError) as caught:
        module(tmp_path, reverse_complement=0.5, **options).setup()
    assert f"on the other strand, over the limit of {limit} tokens: train" in str(caught.value)
    data = module(tmp_path, reverse_complement=0.5, long_input="cut", **options)
    found = data.summary()["other_strand"]["truncation"]["train"]
    assert found["sequences"] == beyond
    assert data.summary()["truncation"]["train"]["sequences"] == 0


@pytest.mark.parametrize("key", ["reverse_complement", "eval_reverse_complement"])
def test_tasks_of_one_strand_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match=rf"^{key}: task mine says task\.strand_matters=true"):
        module(tmp_path, of_task={"strand_matters": True}, **{key: True})
    module(tmp_path, of_task={"strand_matters": True})


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_probability(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match=r"reverse_complement must lie in \[0, 1\]"):
        module(tmp_path, reverse_complement=value)

"""Windows shifted in training: within their bounds, by epoch, never in dev and test."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dnaft.baseline_run import refuse_what_baselines_pass_over
from dnaft.data.bed_files import BedFiles
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.jitter import Jitter
from dnaft.data.split_rule import SplitRule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.sequence import reverse_complement
from dnaft.tokenizers.character import CharacterTokenizer

TOKENIZER = CharacterTokenizer()
BASES = {token_id: token for token_id, token in enumerate(TOKENIZER.vocabulary())}
BP, ROWS = 4, 30


def test_shifts_are_even_and_depend_on_the_seed_alone() -> None:
    shifts = Jitter(BP, views=50, seed=3).shifts(400)
    assert shifts.shape == (50, 400)
    counts = np.bincount((shifts + BP).ravel(), minlength=2 * BP + 1)
    assert len(counts) == 2 * BP + 1
    assert counts.min() > 0.9 * counts.mean()
    assert (shifts == Jitter(BP, views=50, seed=3).shifts(400)).all()
    assert (shifts != Jitter(BP, views=50, seed=4).shifts(400)).any()


def test_windows_by_pencil() -> None:
    wide = ["AACGTTG", "CCCAGGG"]
    assert Jitter(2).cut(wide, np.array([0, -2])) == ["CGT", "CCC"]
    assert Jitter(2).cut(wide, np.array([2, 1])) == ["TTG", "AGG"]


def module(folder: Path, **options: Any) -> tuple[SequenceDataModule, str]:
    """Thirty windows of 12 bases in each of three chromosomes; all 12-mers are unique."""
    random = np.random.default_rng(5)
    chroms = ["".join(random.choice(list("ACGT"), 900)) for _ in range(3)]
    (folder / "g.fa").write_text("".join(f">chr{i}\n{text}\n" for i, text in enumerate(chroms)))
    lines = [
        f"chr{c}\t{s}\t{s + 12}\tx\t{i % 2}\t{'+-'[i % 2]}"
        for c in range(3)
        for i, s in enumerate(range(10, 10 + 29 * ROWS, 29))
    ]
    (folder / "a.bed").write_text("\n".join(lines))
    of_source = {k: options.pop(k) for k in list(options) if k.startswith("jitter")}
    source = BedFiles(
        genome=str(folder / "g.fa"),
        file=str(folder / "a.bed"),
        label_columns=("score",),
        stranded=True,
        split=SplitRule("column", "chrom", dev_values=("chr1",), test_values=("chr2",)),
        **of_source,
    )
    data = SequenceDataModule(
        Task("mine", "binary", source), TOKENIZER, "", str(folder / "cache"), batch_size=4,
        **options,
    )  # fmt: skip
    return data, chroms[0]


def epoch(data: SequenceDataModule, number: int) -> list[str]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(number)  # type: ignore[attr-defined]
    return [
        "".join(BASES[int(i)] for i in ids if len(BASES[int(i)]) == 1)
        for batch in loader
        for ids in batch.input_ids
    ]


def shift_of(text: str, chrom: str) -> tuple[int, int]:
    """Return which window a text is, and how far it was shifted along its strand."""
    at = chrom.find(text)
    minus = at < 0
    at = chrom.find(reverse_complement(text)) if minus else at
    assert at >= 0
    row = round((at - 10) / 29)
    shift = at - 10 - 29 * row
    return row, -shift if row % 2 else shift


def test_an_epoch_reads_each_window_once_at_a_shift_of_its_own(tmp_path: Path) -> None:
    data, chrom = module(tmp_path, jitter_bp=BP, jitter_views=6)
    table = data.tables["train"]
    assert [shift_of(text, chrom)[1] for text in table.sequences] == [0] * ROWS
    assert table.jitter is not None
    drawn = table.jitter.shifts(ROWS)
    seen: list[set[int]] = [set() for _ in range(ROWS)]
    for number in range(12):
        found = dict(shift_of(text, chrom) for text in epoch(data, number))
        assert sorted(found) == list(range(ROWS))
        for row, shift in found.items():
            seen[row].add(shift)
        assert len(set(found.values())) > 3
    for row, shifts in enumerate(seen):
        assert shifts <= set(drawn[:, row].tolist())
        assert len(shifts) > 1 or len(set(drawn[:, row].tolist())) == 1
    assert epoch(data, 3) == epoch(data, 3)
    assert epoch(data, 3) != epoch(data, 4)
    assert data.summary()["jitter"] == {"bp": BP, "views": 6, "seed": 1}


def test_with_both_strands_all_views_of_both_are_read(tmp_path: Path) -> None:
    """Rows of odd numbers lie on the minus strand as given."""
    data, chrom = module(tmp_path, jitter_bp=BP, jitter_views=3, reverse_complement=0.5)
    turned = shifted = 0
    for number in range(10):
        for text in epoch(data, number):
            row, shift = shift_of(text, chrom)
            assert abs(shift) <= BP
            turned += (text in chrom) == bool(row % 2)
            shifted += shift != 0
    assert 0.35 < turned / (10 * ROWS) < 0.65
    assert shifted > 5 * ROWS


def test_dev_and_test_are_not_shifted_and_off_is_off(tmp_path: Path) -> None:
    jittered, _ = module(tmp_path, jitter_bp=BP)
    plain, _ = module(tmp_path)
    for loader in ("val_dataloader", "test_dataloader"):
        both = [[b.input_ids.tolist() for b in getattr(d, loader)()] for d in (jittered, plain)]
        assert both[0] == both[1]
    assert epoch(plain, 2) == epoch(plain, 2)
    assert set(epoch(plain, 0)) == set(plain.tables["train"].sequences)
    assert plain.summary()["jitter"] == {}


def test_dropped_leaks_leave_the_right_surroundings(tmp_path: Path) -> None:
    data, chrom = module(tmp_path, jitter_bp=BP)
    part = data.tables["train"].take(np.array([7, 2]))
    assert [shift_of(text, chrom)[0] for view in part.views() for text in view.sequences] == (
        [7, 2] * 8
    )


def test_a_window_needs_room_to_be_shifted(tmp_path: Path) -> None:
    data, _ = module(tmp_path, jitter_bp=11)
    with pytest.raises(InputError, match=r"a\.bed line 1: the window -1 to 33 with task.source.ji"):
        data.setup()


def test_baselines_refuse_what_they_would_not_read(tmp_path: Path) -> None:
    data, _ = module(tmp_path, jitter_bp=BP)
    with pytest.raises(InputError, match=r"task\.source\.jitter_bp: method baseline_kmer"):
        refuse_what_baselines_pass_over(data.tables["train"], "baseline_kmer")

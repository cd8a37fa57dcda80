"""A species token for each row: in its place, in each window, and refused where there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dnaft.baseline_run import refuse_what_baselines_pass_over
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer

FIRST = 5 + 4**3
SPECIES = {"yeast": FIRST, "pombe": FIRST + 1, "albicans": FIRST + 2}


def kmers(**options: Any) -> KmerTokenizer:
    return KmerTokenizer(
        k=3, species_id=FIRST, vocab_size=FIRST + 3, species_ids=SPECIES, **options
    )


PLAIN = KmerTokenizer(k=3)
ROWS = [("ACGTACGTTT", "pombe"), ("GGGTTTACA", "yeast"), ("TTTGACCCAGT", "albicans")]


def module(folder: Path, tokenizer: Tokenizer, pairs: bool = False, **options: Any) -> Any:
    lines = [f"{s},{s[::-1]},{name},{i % 2}" for i, (s, name) in enumerate(ROWS)]
    files: dict[str, Any] = {}
    for split in ("train", "dev", "test"):
        files[split] = str(folder / f"{split}.csv")
        Path(files[split]).write_text("\n".join(["sequence,second,species,label", *lines]))
    source = TableFiles(
        **files, species_column="species", sequence_b_column="second" if pairs else None
    )
    of_task = {k: options.pop(k) for k in ("case",) if k in options}
    task = Task("mine", "binary", source, **of_task)
    return SequenceDataModule(task, tokenizer, "", str(folder / "cache"), **options)


def test_each_row_has_the_token_of_its_species(tmp_path: Path) -> None:
    tokens = module(tmp_path, kmers()).tokens["dev"]
    for row, (sequence, name) in enumerate(ROWS):
        cls, *rest = PLAIN.encode([sequence])[0].tolist()
        assert tokens[row][0].tolist() == [cls, SPECIES[name], *rest]


def test_pairs_have_it_once_and_windows_each(tmp_path: Path) -> None:
    tokens = module(tmp_path, kmers(), pairs=True).tokens["train"]
    for row, (sequence, name) in enumerate(ROWS):
        cls, *rest = PLAIN.encode_pairs([sequence], [sequence[::-1]])[0].tolist()
        assert tokens[row][0].tolist() == [cls, SPECIES[name], *rest]
    windows = module(tmp_path, kmers(), max_tokens=8, long_input="windows").tokens["train"]
    assert windows.windows().min() > 1
    for row, (_, name) in enumerate(ROWS):
        assert all(ids[1] == SPECIES[name] for ids in windows[row])
        assert all(FIRST > ids[2:].max() for ids in windows[row])


def test_the_other_strand_has_it_too(tmp_path: Path) -> None:
    data = module(tmp_path, kmers(), eval_reverse_complement=True)
    assert [ids[0][1] for ids in data.splits.other["dev"]] == [SPECIES[name] for _, name in ROWS]


def test_two_species_are_two_entries_of_the_cache(tmp_path: Path) -> None:
    first = module(tmp_path, kmers()).tokens["train"]
    path = tmp_path / "train.csv"
    path.write_text(path.read_text().replace("pombe", "yeast"))
    task = Task(
        "mine", "binary",
        TableFiles(
            train=str(path), dev=str(tmp_path / "dev.csv"), test=str(tmp_path / "test.csv"),
            species_column="species",
        ),
    )  # fmt: skip
    data = SequenceDataModule(task, kmers(), "", str(tmp_path / "cache"))
    second = data.tokens["train"]
    assert (first[0][0][1], second[0][0][1]) == (SPECIES["pombe"], SPECIES["yeast"])
    assert np.array_equal(first[0][0][2:], second[0][0][2:])


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        (PLAIN, "KmerTokenizer has no tokens of species here"),
        (KmerTokenizer(k=3, species_id=FIRST, vocab_size=FIRST + 3), "has no tokens of species"),
        (CharacterTokenizer(), "CharacterTokenizer has no tokens of species here"),
        (
            KmerTokenizer(
                k=3, species_id=FIRST, vocab_size=FIRST + 3, species_ids={"yeast": FIRST}
            ),
            r"train\.csv line 2: the tokenizer has no species 'pombe'",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(tmp_path: Path, tokenizer: Tokenizer, message: str) -> None:
    with pytest.raises(InputError, match=message):
        module(tmp_path, tokenizer).setup()
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_baselines_refuse_it(tmp_path: Path) -> None:
    train = module(tmp_path, kmers()).task.load("")["train"]
    with pytest.raises(InputError, match=r"task\.source\.species_column: method baseline_kmer"):
        refuse_what_baselines_pass_over(train, "baseline_kmer")


def test_ids_must_be_of_the_vocabulary() -> None:
    with pytest.raises(ValueError, match="species_ids need species_id"):
        KmerTokenizer(k=3, vocab_size=FIRST + 3, species_ids=SPECIES)
    with pytest.raises(ValueError, match="species_id must lie from 69"):
        KmerTokenizer(k=3, species_id=FIRST, vocab_size=FIRST + 1, species_ids=SPECIES)


@pytest.mark.parametrize(
    ("tokenizer", "reads"),
    [
        (PLAIN, False),
        (CharacterTokenizer(), False),
        (BpeTokenizer("package:bpe_yeast"), False),
        (BpeTokenizer("package:bbpe_yeast_text"), True),
    ],
)
def test_a_soft_mask_is_kept_where_the_tokenizer_reads_it(
    tmp_path: Path, tokenizer: Tokenizer, reads: bool
) -> None:
    files = {split: str(tmp_path / f"{split}.csv") for split in ("train", "dev", "test")}
    for file in files.values():
        Path(file).write_text("sequence,label\nACGTacgtacgt,0\nGGCCGCGTTA,1\n")
    task = Task("mine", "binary", TableFiles(**files), case="keep")  # type: ignore[arg-type]
    data = SequenceDataModule(task, tokenizer, "", str(tmp_path / "cache"))
    if not reads:
        with pytest.raises(InputError, match=r"task\.case=keep leaves lower-case letters, which"):
            data.setup()
        return
    upper = tokenizer.encode(["ACGTACGTACGT"])[0].tolist()
    assert data.tokens["train"][0][0].tolist() != upper

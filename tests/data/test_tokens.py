"""What is cut is counted to the base; expected numbers by pencil."""

from pathlib import Path

import numpy as np
import pytest

from dnaft.data.table import RawRows, RowRules, SequenceTable, build_table
from dnaft.data.tokens import TokenRows, tokenise
from dnaft.data.truncation import Truncation, count_truncation, describe_truncation
from dnaft.errors import InputError
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer

KMER = KmerTokenizer(k=6)


def table(*sequences: str) -> SequenceTable:
    numbers = list(range(2, len(sequences) + 2))
    labels = [["0"] * len(sequences)]
    raw = RawRows(list(sequences), labels, numbers, "line", "a.csv", "")
    return build_table(raw, RowRules("mine", "binary", 1))


def ids(tokens: TokenRows, row: int) -> list[int]:
    (one,) = tokens[row]
    return one.tolist()


def lost(rows: SequenceTable, tokens: TokenRows) -> Truncation:
    return count_truncation(rows.lengths_bp(), tokens.kept_bp)


def test_nothing_is_cut_below_the_limit(tmp_path: Path) -> None:
    # 10 bp are 5 6-mers and 2 special tokens.
    rows = table("ACGTACGTAC", "ACGTAC")
    tokens = tokenise(rows, KMER, 7, tmp_path)
    assert tokens.lengths().tolist() == [7, 3]
    assert tokens.kept_bp.tolist() == [10, 6]
    found = lost(rows, tokens)
    assert found == Truncation(sequences=0, rows=2, lost_bp=0, most_lost_bp=0, total_bp=16)
    assert describe_truncation({"train": found}, 7) == ""


def test_lost_bases_are_exact(tmp_path: Path) -> None:
    # 7 tokens hold 10 bp: of 12, 10 and 20 bp the first loses 2, the last 10.
    rows = table("ACGTACGTACGG", "ACGTACGTAC", "ACGT" * 5)
    tokens = tokenise(rows, KMER, 7, tmp_path)
    assert tokens.lengths().tolist() == [7, 7, 7]
    found = lost(rows, tokens)
    assert found == Truncation(sequences=2, rows=3, lost_bp=12, most_lost_bp=10, total_bp=42)
    assert describe_truncation({"train": found, "dev": found}, 7) == (
        "over the limit of 7 tokens: train 2 of 3 sequences lose 12 bp (at most 10 bp each); "
        "dev 2 of 3 sequences lose 12 bp (at most 10 bp each)"
    )


def test_the_five_prime_end_is_kept(tmp_path: Path) -> None:
    cut = tokenise(table("ACGTACGTACGGTT"), KMER, 7, tmp_path)
    whole = tokenise(table("ACGTACGTAC"), KMER, 7, tmp_path)
    assert ids(cut, 0) == ids(whole, 0)


def test_non_overlapping_words(tmp_path: Path) -> None:
    # One <cls> and 6-mers: 4 tokens hold 18 bp.
    tokenizer = NonOverlappingTokenizer(version="v1")
    rows = table("ACGTAC" * 4, "ACGTAC" * 3)
    tokens = tokenise(rows, tokenizer, 4, tmp_path)
    assert tokens.kept_bp.tolist() == [18, 18]
    assert lost(rows, tokens).lost_bp == 6


def test_stored_in_the_smallest_type(tmp_path: Path) -> None:
    assert tokenise(table("ACGTACGT"), KMER, None, tmp_path).ids.dtype == np.uint16  # 4,101 ids
    small = tokenise(table("ACGTACGT"), KmerTokenizer(k=3), None, tmp_path)
    assert small.ids.dtype == np.uint8  # 69 ids


def test_the_cache_gives_what_the_tokenizer_gives(tmp_path: Path) -> None:
    rows = table("ACGTACGTACGG", "ACGTNCGTAC")
    for _ in range(2):
        tokens = tokenise(rows, KMER, None, tmp_path)
        encoded = KMER.encode(rows.sequences)
        assert [ids(tokens, i) for i in range(2)] == [encoded[i].tolist() for i in range(2)]
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_a_sequence_shorter_than_k(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv line 3: the sequence has 5 bp, .* needs 6"):
        tokenise(table("ACGTAC", "ACGTA"), KMER, None, tmp_path)


def test_a_limit_in_which_no_base_fits(tmp_path: Path) -> None:
    for limit in (1, 2):
        with pytest.raises(InputError, match=rf"a\.csv line 2: no base fits into {limit} tokens"):
            tokenise(table("ACGTAC"), KMER, limit, tmp_path)

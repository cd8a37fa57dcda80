"""Windows cover every base, fit, and overlap as asked; expected numbers by pencil."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.data.table import RawRows, RowRules, SequenceTable, build_table
from dnaft.data.tokens import tokenise
from dnaft.data.truncation import count_truncation
from dnaft.data.windows import Windowed, count_windows, describe_windows, window_spans
from dnaft.errors import InputError
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer

KMER = KmerTokenizer(k=6)
EVEN: dict[str, Tokenizer] = {"kmer6": KMER, "kmer3": KmerTokenizer(k=3), "c": CharacterTokenizer()}
ALL = EVEN | {
    "nt": NonOverlappingTokenizer(version="v2"),
    "bpe": BpeTokenizer("package:bbpe_yeast"),
    "text": BpeTokenizer("package:bbpe_yeast", "Domain: DNA\nSequence: ", "\nAnnotation:"),
}
dna = st.text("ACGT", max_size=200) | st.text("ACGTNN", max_size=200)
overlaps = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 0.99])


def table(*sequences: str) -> SequenceTable:
    numbers = list(range(2, len(sequences) + 2))
    raw = RawRows(list(sequences), [["0"] * len(sequences)], numbers, "line", "a.csv", "")
    return build_table(raw, RowRules("mine", "binary", 1))


@pytest.mark.parametrize(
    ("length", "overlap", "expected"),
    [  # 7 tokens hold 5 6-mers, 10 bp
        (10, 0.0, [(0, 10)]),
        (20, 0.0, [(0, 10), (10, 20)]),
        (24, 0.0, [(0, 10), (10, 20), (14, 24)]),  # not (20, 24)
        (11, 0.0, [(0, 10), (1, 11)]),
        (24, 0.2, [(0, 10), (8, 18), (14, 24)]),
        (28, 0.2, [(0, 10), (8, 18), (16, 26), (18, 28)]),
        (13, 0.9, [(0, 10), (1, 11), (2, 12), (3, 13)]),
        (12, 0.99, [(0, 10), (1, 11), (2, 12)]),  # always goes on by a base
    ],
)
def test_by_pencil(length: int, overlap: float, expected: list[tuple[int, int]]) -> None:
    assert window_spans("A" * length, KMER, 7, overlap, "x") == expected


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=60, deadline=None)
@given(sequence=dna.filter(bool), room=st.integers(0, 12), overlap=overlaps)
def test_windows_cover_fit_and_overlap(name: str, sequence: str, room: int, overlap: float) -> None:
    tokenizer = ALL[name]
    # Room for the specials and the prompt, and for a token of the longest kind.
    max_tokens = len(tokenizer.encode([""]).ids) + 3 + room
    spans = window_spans(sequence, tokenizer, max_tokens, overlap, "x")
    tokens = tokenizer.encode([sequence[begin:end] for begin, end in spans]).lengths()
    assert (tokens <= max_tokens).all()
    assert spans[0][0] == 0
    assert spans[-1][1] == len(sequence)
    fits_whole = len(tokenizer.encode([sequence]).ids) <= max_tokens
    assert (len(spans) == 1) == fits_whole
    covered = np.zeros(len(sequence), dtype=int)
    for begin, end in spans:
        covered[begin:end] += 1
    assert covered.min() >= 1
    for i, (begin, end) in enumerate(spans[:-1]):
        following = spans[i + 1][0]
        wanted = max(begin + 1, end - round(overlap * (end - begin)))
        assert begin < following <= wanted
        if i + 1 < len(spans) - 1:
            assert following == wanted
        assert len(tokenizer.encode([sequence[begin : end + 1]]).ids) > max_tokens
        if name not in ("bpe", "text"):  # theirs may be one of several
            assert tokenizer.longest_prefix(sequence[begin:], max_tokens) == end - begin
    if name in EVEN and len(spans) > 1:
        assert len({end - begin for begin, end in spans}) == 1


def test_a_last_window_of_other_tokens_is_filled_as_far_as_it_fits() -> None:
    # <cls> and 3 tokens are 18 bp. NN remain; the 18 bp at the 3' end would be 2 6-mers, 4 single
    # bases and 2 N: too many. C, N, N are 3 tokens again.
    tokenizer = NonOverlappingTokenizer(version="v2")
    spans = window_spans("ACGTAC" * 3 + "NN", tokenizer, 4, 0.0, "x")
    assert spans == [(0, 18), (17, 20)]


class Watching(KmerTokenizer):
    longest = 0

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        self.longest = max(self.longest, len(sequence))
        return super().longest_prefix(sequence, max_tokens)


def test_work_does_not_grow_with_the_square_of_the_length() -> None:
    tokenizer = Watching(k=6)
    spans = window_spans("ACGTTGCATN" * 5000, tokenizer, 102, 0.0, "x")
    assert len(spans) == -(-50_000 // 105)
    assert tokenizer.longest < 500


@pytest.mark.parametrize(("tokenizer", "limit"), [(KMER, 2), (ALL["text"], 5), (ALL["nt"], 1)])
def test_no_room_for_a_base(tokenizer: Tokenizer, limit: int) -> None:
    with pytest.raises(InputError, match=rf"a\.csv line 3: no base fits into {limit} tokens"):
        window_spans("ACGTACGTAA", tokenizer, limit, 0.1, "a.csv line 3")


def test_rows_of_tokens(tmp_path: Path) -> None:
    rows = table("ACGTACGTAC", "AACCGGTTACGTACGTACGGTTAA", "ACGTTA")
    tokens = tokenise(rows, KMER, 7, tmp_path, 0.2)
    pieces = ["AACCGGTTAC", "ACGTACGTAC", "GTACGGTTAA"]  # 0-10, 8-18, 14-24
    expected = [[rows.sequences[0]], pieces, [rows.sequences[2]]]
    assert [[w.tolist() for w in tokens[i]] for i in range(3)] == [
        [row.tolist() for row in KMER.encode(of_row)] for of_row in expected
    ]
    assert tokens.windows().tolist() == [1, 3, 1]
    assert tokens.lengths().tolist() == [7, 21, 3]
    assert tokens.kept_bp.tolist() == [10, 24, 6]
    assert count_truncation(rows.lengths_bp(), tokens.kept_bp).sequences == 0
    found = count_windows(tokens.windows())
    assert found == Windowed(sequences=1, rows=3, windows=3, most_windows=3)
    assert describe_windows({"train": found, "dev": found}, 7) == (
        "over the limit of 7 tokens: train 1 of 3 sequences are read in 3 windows (at most 3 "
        "each); dev 1 of 3 sequences are read in 3 windows (at most 3 each)"
    )


def test_every_window_holds_the_prompt_and_decodes_to_its_bases(tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Backend

    from dnaft.packaged import find_packaged

    prompt = ("Domain: DNA\nSequence: ", "\nAnnotation:")
    tokenizer = BpeTokenizer("package:bbpe_yeast", *prompt)
    rows = table("ACGTTGCATACCGGATTA" * 4, "ACG")
    tokens = tokenise(rows, tokenizer, 18, tmp_path, 0.0)
    file = find_packaged("tokenizer", "package:bbpe_yeast")
    assert file is not None
    backend = Backend.from_file(str(file))
    texts = [backend.decode(ids.tolist()) for ids in tokens[0]]
    assert len(texts) > 2
    assert all(text.startswith(prompt[0]) and text.endswith(prompt[1]) for text in texts)
    bases = [text.removeprefix(prompt[0]).removesuffix(prompt[1]) for text in texts]
    assert rows.sequences[0].startswith("".join(bases[:-1]))
    assert rows.sequences[0].endswith(bases[-1])


def test_cut_and_windows_are_different_entries_of_the_cache(tmp_path: Path) -> None:
    rows = table("AACCGGTTACGTACGTACGGTTAA")
    windows = [
        tokenise(rows, KMER, 7, tmp_path, overlap).windows()[0] for overlap in (None, 0, 0.8)
    ]
    assert windows == [1, 3, 8]
    assert windows == [
        tokenise(rows, KMER, 7, tmp_path, overlap).windows()[0] for overlap in (None, 0, 0.8)
    ]


def test_without_long_rows_windows_change_nothing(tmp_path: Path) -> None:
    rows = table("ACGTACGTAC", "ACGTTA")
    plain, windowed = tokenise(rows, KMER, 7, tmp_path), tokenise(rows, KMER, 7, tmp_path, 0.5)
    assert plain.ids.tolist() == windowed.ids.tolist()
    assert plain.offsets.tolist() == windowed.offsets.tolist()
    found = count_windows(windowed.windows())
    assert found == Windowed(sequences=0, rows=2, windows=0, most_windows=1)
    assert describe_windows({"train": found}, 7) == ""

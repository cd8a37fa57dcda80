"""GENERator's 6-mers against ids by pencil and a slow reading of the same rules."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.tokenizers.generator import GeneratorTokenizer

KMERS = {"".join(kmer): 32 + i for i, kmer in enumerate(itertools.product("ATCG", repeat=6))}
texts = st.text("ACGTACGTACGTNRacgt -", max_size=50)


def slow(sequence: str) -> list[int]:
    """Pieces of at most six capitals, or one other character."""
    pieces = re.findall(r"[A-Z]{1,6}|[^A-Z]", sequence)
    return [1, *(KMERS.get(piece, 0) for piece in pieces), 2]


@pytest.mark.parametrize(
    ("sequence", "ids"),
    [
        ("", []),
        ("AAAAAA", [32]),
        ("AAAAAT", [33]),
        ("GGGGGG", [4127]),
        ("AAAAAATTTTTT", [32, 1397]),  # T is 1, so TTTTTT is (4**6 - 1) / 3 = 1365
        ("AAAAAATTTTTTGG", [32, 1397, 0]),
        ("ACGTNACGTNAC", [0, 0]),
        ("AAAaAAAAAA", [0, 0, 32]),
    ],
)
def test_ids_by_pencil(sequence: str, ids: list[int]) -> None:
    assert GeneratorTokenizer().encode([sequence]).ids.tolist() == [1, *ids, 2]


@settings(max_examples=200, deadline=None)
@given(sequences=st.lists(texts, max_size=5))
def test_rows_are_those_of_the_slow_reading(sequences: list[str]) -> None:
    tokenizer = GeneratorTokenizer()
    rows = [row.tolist() for row in tokenizer.encode(sequences)]
    assert rows == [slow(sequence) for sequence in sequences]


@settings(max_examples=100, deadline=None)
@given(sequence=texts, max_tokens=st.integers(0, 14))
def test_longest_prefix(sequence: str, max_tokens: int) -> None:
    length = GeneratorTokenizer().longest_prefix(sequence, max_tokens)
    fitting = [n for n in range(len(sequence) + 1) if len(slow(sequence[:n])) <= max_tokens]
    assert length == max(fitting, default=-1)


def test_the_closing_token() -> None:
    ends = {end: GeneratorTokenizer(end).encode(["AAAAAA"]).ids.tolist() for end in ("<s>", "")}
    assert ends == {"<s>": [1, 32, 1], "": [1, 32]}
    prints = {GeneratorTokenizer(end).fingerprint() for end in ("</s>", "<s>", "")}
    assert len(prints) == 3
    with pytest.raises(ValueError, match="closing must be '</s>', '<s>' or '', got '<eos>'"):
        GeneratorTokenizer("<eos>")  # type: ignore[arg-type]


def test_text_is_refused() -> None:
    with pytest.raises(ValueError, match="prefix 'Domain' needs a tokenizer that encodes text"):
        GeneratorTokenizer(prefix="Domain")

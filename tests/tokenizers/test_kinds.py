"""Each kind on inputs worked out by pencil, and the messages of its errors."""

import itertools
from typing import Any

import numpy as np
import pytest

from dnaft.tokenizers import kmer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.encoded import Encoded
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer
from dnaft.tokenizers.numbers import kmer_numbers, kmer_vocabulary
from dnaft.tokenizers.one_hot import OneHotTokenizer, one_hot


def rows(encoded: Encoded) -> list[list[int]]:
    return [row.tolist() for row in encoded]


def test_kmer_ids_by_pencil() -> None:
    # A0 T1 C2 G3: ATC = 0*16 + 1*4 + 2 = 6, TCG = 1*16 + 2*4 + 3 = 27; + 5 specials.
    assert rows(KmerTokenizer(k=3).encode(["ATCG", "ATN", "AT", "ATc"])) == [
        [2, 11, 32, 3],
        [2, 1, 3],
        [2, 3],
        [2, 1, 3],
    ]


def test_species_token_stands_after_cls() -> None:
    tokenizer = KmerTokenizer(k=3, species_id=70, vocab_size=80)
    assert rows(tokenizer.encode(["ATCG", ""])) == [[2, 70, 11, 32, 3], [2, 70, 3]]
    assert tokenizer.vocab_size == 80
    assert tokenizer.longest_prefix("ATCGATCG", 4) == 3


def test_kmer_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    sequences = ["".join(generator.choice(list("ACGTN"), n)) for n in generator.integers(0, 50, 80)]
    whole = rows(KmerTokenizer(k=5).encode(sequences))
    monkeypatch.setattr(kmer, "BLOCK_BP", 64)
    assert rows(KmerTokenizer(k=5).encode(sequences)) == whole


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
def test_kmer_numbers_count_the_vocabulary(k: int) -> None:
    letters = "".join(kmer_vocabulary(k)).encode()
    numbers = kmer_numbers(np.frombuffer(letters, dtype=np.uint8), k)[::k]
    assert numbers.tolist() == list(range(4**k))
    assert kmer_vocabulary(k) == ["".join(t) for t in itertools.product("ATCG", repeat=k)]


def test_character_ids_by_pencil() -> None:
    assert rows(CharacterTokenizer().encode(["ACGTN", "aR ", ""])) == [
        [2, 5, 6, 7, 8, 9, 3],
        [2, 1, 1, 1, 3],
        [2, 3],
    ]


def test_hyenadna_ids_by_pencil() -> None:
    """The numbers that the tokenizer on the hub documents; only [SEP] is added, at the end."""
    tokenizer = CharacterTokenizer("hyenadna")
    assert rows(tokenizer.encode(["ACGTN", "aR ", ""])) == [
        [7, 8, 9, 10, 11, 1],
        [6, 6, 6, 1],
        [1],
    ]
    assert (tokenizer.pad_id, tokenizer.mask_id, tokenizer.unk_id) == (4, 3, 6)
    specials = " ".join(tokenizer.vocabulary()[:7])
    assert specials == "[CLS] [SEP] [BOS] [MASK] [PAD] [RESERVED] [UNK]"
    assert tokenizer.longest_prefix("ACGT", 4) == 3


def test_nonoverlapping_by_pencil() -> None:
    # v2: 6-mers from 6, AAAAAA first; A 4102, T 4103, C 4104, G 4105, N 4106; <cls> 3, <unk> 0.
    tokenizer = NonOverlappingTokenizer(version="v2")
    assert rows(tokenizer.encode(["AAAAAAT", "ANAAAAAT", "AAAAxyAA", "xy zN"])) == [
        [3, 6, 4103],
        [3, 4102, 4106, 7],
        [3, 4102, 4102, 4102, 4102, 0, 4102, 4102],
        [3, 0, 0, 4106],
    ]


def test_nonoverlapping_longest_prefix_prefers_whole_6mers() -> None:
    tokenizer = NonOverlappingTokenizer(version="v2")
    assert tokenizer.longest_prefix("A" * 11, 4) == 8  # 6-mer and two single bases
    assert tokenizer.longest_prefix("A" * 12, 3) == 12  # 2 tokens, though 11 bases are 6
    assert tokenizer.longest_prefix("ACGT", 0) == -1
    assert tokenizer.longest_prefix("ACGT", 1) == 0


def test_one_hot_by_pencil() -> None:
    encoded = OneHotTokenizer().encode(["ACN", "", "gT"])
    assert rows(encoded) == [[0, 1, 4], [], [4, 3]]
    expected = np.zeros((3, 4, 4))
    expected[0, 0, 0] = expected[0, 1, 1] = expected[2, 1, 3] = 1
    np.testing.assert_array_equal(one_hot(encoded, 4), expected)
    assert one_hot(encoded, 3).dtype == np.float32


def test_one_hot_never_cuts() -> None:
    with pytest.raises(ValueError, match="row 1 has 3 bases, more than length 2"):
        one_hot(OneHotTokenizer().encode(["A", "ACG"]), 2)


def test_encoded_rows() -> None:
    encoded = Encoded.from_rows([[1, 2], [], [3]])
    assert encoded.lengths().tolist() == [2, 0, 1]
    assert encoded[-1].tolist() == [3]
    with pytest.raises(IndexError, match="row 3 of 3"):
        encoded[3]


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (KmerTokenizer, {"k": 7}, "k must be 3, 4, 5 or 6 .* got 7"),
        (KmerTokenizer, {"vocab_size": 100}, "vocab_size must be 4101 or more for k=6, got 100"),
        (KmerTokenizer, {"species_id": 4101}, "species_id must lie from 4101 .* got 4101"),
        (KmerTokenizer, {"species_id": 9, "vocab_size": 5504}, "vocab_size - 1 = 5503, got 9"),
        (CharacterTokenizer, {"vocabulary": "human"}, "must be dnaft or hyenadna, got 'human'"),
        (NonOverlappingTokenizer, {"version": "v3"}, "version must be v1 or v2, got 'v3'"),
    ],
)
def test_messages(kind: type, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**options)

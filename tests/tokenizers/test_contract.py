"""What holds for every tokenizer: nothing cut, prefixes fit, fingerprints tell options apart."""

import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.by_base import BaseByBaseTokenizer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.generator import GeneratorTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer
from dnaft.tokenizers.one_hot import OneHotTokenizer

PACKAGED = "package:bbpe_yeast"
BASES_ONLY: dict[str, Tokenizer] = {
    "kmer3": KmerTokenizer(k=3),
    "kmer6": KmerTokenizer(k=6),
    "species": KmerTokenizer(k=6, species_id=4200, vocab_size=5504),
    "nt_v1": NonOverlappingTokenizer(version="v1"),
    "nt_v2": NonOverlappingTokenizer(version="v2"),
    "generator": GeneratorTokenizer(),
    "character": CharacterTokenizer(),
    "hyenadna": CharacterTokenizer("hyenadna"),
    "one_hot": OneHotTokenizer(),
}
ALL: dict[str, Tokenizer] = BASES_ONLY | {
    "bpe": BpeTokenizer(PACKAGED),
    "by_base": BaseByBaseTokenizer(PACKAGED),
    "by_base_text": BaseByBaseTokenizer(PACKAGED, "Sequence: ", "\nAnnotation:"),
    "bpe_text": BpeTokenizer(PACKAGED, "Domain: DNA\nSequence: ", "\nAnnotation:"),
}
every_kind = pytest.mark.parametrize("tokenizer", ALL.values(), ids=ALL.keys())

clean = st.text("ACGT", max_size=60)
dirty = st.text("ACGTACGTACGTNNacgtRY- \t", max_size=60)


@every_kind
def test_no_sequences(tokenizer: Tokenizer) -> None:
    encoded = tokenizer.encode([])
    assert len(encoded) == 0
    assert encoded.ids.dtype == np.int32
    assert encoded.offsets.tolist() == [0]


@every_kind
def test_empty_sequences_have_only_special_tokens(tokenizer: Tokenizer) -> None:
    one, two, three = tokenizer.encode(["", "ACGTACGT", ""])
    assert one.tolist() == three.tolist()
    assert len(one) < len(two)


@every_kind
@settings(max_examples=40, deadline=None)
@given(sequences=st.lists(st.one_of(clean, dirty), max_size=6))
def test_rows_do_not_depend_on_their_neighbours(tokenizer: Tokenizer, sequences: list[str]) -> None:
    encoded = tokenizer.encode(sequences)
    assert len(encoded) == len(sequences)
    assert encoded.lengths().sum() == len(encoded.ids)
    assert all(0 <= i < tokenizer.vocab_size for i in encoded.ids.tolist())
    for row, sequence in zip(encoded, sequences, strict=True):
        assert row.tolist() == tokenizer.encode([sequence]).ids.tolist()


@every_kind
@settings(max_examples=60, deadline=None)
@given(sequence=st.one_of(clean, dirty), max_tokens=st.integers(0, 40))
def test_longest_prefix_fits(tokenizer: Tokenizer, sequence: str, max_tokens: int) -> None:
    length = tokenizer.longest_prefix(sequence, max_tokens)
    if length == -1:
        assert len(tokenizer.encode([""]).ids) > max_tokens
        return
    assert len(tokenizer.encode([sequence[:length]]).ids) <= max_tokens
    if length < len(sequence):
        assert len(tokenizer.encode([sequence[: length + 1]]).ids) > max_tokens


@pytest.mark.parametrize("tokenizer", BASES_ONLY.values(), ids=BASES_ONLY.keys())
@settings(max_examples=40, deadline=None)
@given(sequence=st.one_of(clean, dirty), max_tokens=st.integers(3, 30))
def test_no_longer_prefix_fits(tokenizer: Tokenizer, sequence: str, max_tokens: int) -> None:
    length = tokenizer.longest_prefix(sequence, max_tokens)
    longer = tokenizer.encode([sequence[:n] for n in range(length + 1, len(sequence) + 1)])
    assert (longer.lengths() > max_tokens).all()


@every_kind
def test_long_input_is_not_cut(tokenizer: Tokenizer) -> None:
    one, ten = tokenizer.encode(["ACGTTGCATN" * 500, "ACGTTGCATN" * 5000]).lengths()
    assert ten > 9 * one > 4500


def test_fingerprints_differ_and_repeat() -> None:
    prints = [tokenizer.fingerprint() for tokenizer in ALL.values()]
    prints += [KmerTokenizer(k=4).fingerprint(), BpeTokenizer(PACKAGED, suffix="N").fingerprint()]
    assert len(set(prints)) == len(prints)
    assert all(len(p) == 64 and set(p) <= set(string.hexdigits) for p in prints)
    assert KmerTokenizer(k=6).fingerprint() == KmerTokenizer(k=6).fingerprint()
    assert BpeTokenizer(PACKAGED).fingerprint() == BpeTokenizer(PACKAGED).fingerprint()


@pytest.mark.parametrize(
    "kind", [KmerTokenizer, NonOverlappingTokenizer, CharacterTokenizer, OneHotTokenizer]
)
@pytest.mark.parametrize("side", ["prefix", "suffix"])
def test_text_is_refused_by_kinds_that_know_bases_only(kind: type, side: str) -> None:
    with pytest.raises(ValueError, match=rf"{side} 'Domain' needs .* use tokenizer=bpe"):
        kind(**{side: "Domain"})


def test_letters_outside_ascii_are_named() -> None:
    with pytest.raises(ValueError, match="'é' in sequence 1"):
        KmerTokenizer().encode(["ACGTACGT", "ACGé"])


def test_min_length() -> None:
    assert {name: t.min_length_bp for name, t in BASES_ONLY.items()} == {
        "kmer3": 3,
        "kmer6": 6,
        "species": 6,
        "nt_v1": 1,
        "nt_v2": 1,
        "generator": 1,
        "character": 1,
        "hyenadna": 1,
        "one_hot": 1,
    }


def test_configurations_build() -> None:
    """Each yaml that needs nothing of a model builds once method.prefix and suffix are there."""
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate

    folder = Path(__file__).resolve().parents[2] / "conf"
    files = [f for f in (folder / "tokenizer").glob("*.yaml") if "${model." not in f.read_text()]
    assert files
    with initialize_config_dir(str(folder), version_base="1.3"):
        for file in files:
            overrides = [f"+tokenizer={file.stem}", "+method.prefix=''", "+method.suffix=''"]
            tokenizer = instantiate(compose(overrides=overrides).tokenizer)
            assert len(tokenizer.encode(["ACGTACGT"]).ids) > 0, file

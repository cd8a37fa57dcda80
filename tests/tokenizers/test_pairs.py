"""Pairs equal those of transformers' own tokenizers, ids, token types and cuts alike."""

import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from dnaft.data.pairs import fit_pairs
from dnaft.tokenizers.base import PairTokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.encoded import Encoded
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer
from dnaft.tokenizers.one_hot import OneHotTokenizer

dna = st.text("ACGTN", max_size=30)


def kmers(sequence: str, k: int) -> str:
    return " ".join(sequence[i : i + k] for i in range(len(sequence) - k + 1))


def bert_tokenizer(k: int, folder: Path) -> Any:
    from transformers import BertTokenizerFast  # type: ignore[attr-defined]

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += ["".join(t) for t in itertools.product("ATCG", repeat=k)]
    (folder / "vocab.txt").write_text("\n".join(words))
    return BertTokenizerFast.from_pretrained(folder, do_lower_case=False)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return bert_tokenizer(3, tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def pairs(shared_dir: Path) -> list[tuple[str, str]]:
    """Human promoters, cut where the two parts have different lengths, and at the end."""
    path = shared_dir / "data" / "GUE" / "prom" / "prom_300_tata" / "test.csv"
    with path.open(newline="") as file:
        rows = [row["sequence"] for row in itertools.islice(csv.DictReader(file), 200)]
    return [(s[: 40 + i], s[40 + i : 300 - i % 7]) for i, s in enumerate(rows)]


def columns(encoded: Encoded) -> tuple[list[list[int]], list[list[int]]]:
    assert encoded.type_ids is not None
    typed = Encoded(encoded.type_ids.astype(np.int32), encoded.offsets)
    return [row.tolist() for row in encoded], [row.tolist() for row in typed]


def assert_equal(found: Encoded, expected: Any) -> None:
    ids, types = columns(found)
    assert ids == expected["input_ids"]
    assert types == expected["token_type_ids"]


@pytest.mark.parametrize("k", [3, 6])
def test_kmers_equal_bert(k: int, pairs: list[tuple[str, str]], tmp_path: Path) -> None:
    first, second = map(list, zip(*pairs, strict=True))
    expected = bert_tokenizer(k, tmp_path)(
        [kmers(s, k) for s in first], [kmers(s, k) for s in second]
    )
    assert_equal(KmerTokenizer(k=k).encode_pairs(first, second), expected)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(dna, dna), min_size=1, max_size=5))
def test_kmers_equal_bert_on_anything(bert: Any, rows: list[tuple[str, str]]) -> None:
    first, second = map(list, zip(*rows, strict=True))
    expected = bert([kmers(s, 3) for s in first], [kmers(s, 3) for s in second])
    assert_equal(KmerTokenizer(k=3).encode_pairs(first, second), expected)


def test_pairs_by_pencil() -> None:
    species = KmerTokenizer(k=3, species_id=70, vocab_size=72)
    ids, types = columns(species.encode_pairs(["ATCG", "AT"], ["CGC", "AAAA"]))
    assert ids == [[2, 70, 11, 32, 3, 51, 3], [2, 70, 3, 5, 5, 3]]
    assert types == [[0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1]]
    ids, types = columns(species.encode_pairs([], []))
    assert ids == types == []
    spaced, _ = columns(KmerTokenizer(k=3).encode_pairs(["A CG"], ["AAA"]))
    assert spaced == [[2, 1, 1, 1, 3, 5, 3]]  # A C, CG


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text("ACGT", min_size=3, max_size=30), st.text("ACGT", min_size=3, max_size=30)
        ),
        min_size=1,
        max_size=5,
    ),
    limit=st.integers(5, 40),
)
def test_cuts_equal_longest_first(bert: Any, rows: list[tuple[str, str]], limit: int) -> None:
    tokenizer = KmerTokenizer(k=3)
    rows = [(a, b) for a, b in rows if len(a) + len(b) - 1 > limit]
    if not rows:
        return
    first, second = map(list, zip(*rows, strict=True))
    kept = fit_pairs(first, second, tokenizer, limit, tokenizer.min_length_bp)
    assert (kept >= 3).all()
    found = tokenizer.encode_pairs(
        [a[:n] for a, n in zip(first, kept[:, 0], strict=True)],
        [b[:n] for b, n in zip(second, kept[:, 1], strict=True)],
    )
    texts = [kmers(s, 3) for s in first], [kmers(s, 3) for s in second]
    assert_equal(found, bert(*texts, truncation="longest_first", max_length=limit))


def test_too_small_for_one_token_each() -> None:
    tokenizer = KmerTokenizer(k=3)
    kept = fit_pairs(["ACGT", "ACG"], ["ACGT", "ACGTT"], tokenizer, 4, 3)
    assert kept.tolist() == [[-1, -1], [-1, -1]]


@settings(max_examples=40, deadline=None)
@given(first=dna.filter(bool), second=dna.filter(bool), limit=st.integers(5, 20))
def test_cut_byte_pairs_fit_and_no_base_more_would(
    dnabert2: tuple[BpeTokenizer, Any], first: str, second: str, limit: int
) -> None:
    tokenizer = dnabert2[0]
    if len(tokenizer.encode_pairs([first], [second]).ids) <= limit:
        return
    ((a, b),) = fit_pairs([first], [second], tokenizer, limit, 1).tolist()
    assert len(tokenizer.encode_pairs([first[:a]], [second[:b]]).ids) <= limit
    assert a == len(first) or b == len(second) or abs(a - b) <= 1


@pytest.fixture(scope="module")
def dnabert2(golden_dir: Path) -> tuple[BpeTokenizer, Any]:
    from transformers import PreTrainedTokenizerFast

    file = golden_dir / "tokenizers" / "src" / "dnabert2_tokenizer.json"
    if not file.is_file():
        pytest.skip("no golden tokenizer of DNABERT-2 in DNAFT_GOLDEN_DIR")
    return BpeTokenizer(str(file)), PreTrainedTokenizerFast(tokenizer_file=str(file))


def test_byte_pairs_equal_transformers(
    dnabert2: tuple[BpeTokenizer, Any], pairs: list[tuple[str, str]]
) -> None:
    ours, theirs = dnabert2
    first, second = map(list, zip(*pairs, strict=True))
    assert_equal(
        ours.encode_pairs(first, second), theirs(first, second, return_token_type_ids=True)
    )


def small_bpe(processor: Any = None) -> Tokenizer:
    words = ["<pad>", "<unk>", "<s>", "</s>", "A", "C", "G", "T", "AC", ":", "?"]
    tokenizer = Tokenizer(
        models.BPE({w: i for i, w in enumerate(words)}, [("A", "C")], unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if processor is not None:
        tokenizer.post_processor = processor
    return tokenizer


def test_the_form_of_the_file_is_kept_and_prompts_stand_around_it(tmp_path: Path) -> None:
    processor = processors.RobertaProcessing(("</s>", 3), ("<s>", 2), add_prefix_space=False)
    small_bpe(processor).save(str(tmp_path / "tokenizer.json"))
    tokenizer = BpeTokenizer(str(tmp_path / "tokenizer.json"), prefix=":", suffix="?")
    ids, types = columns(tokenizer.encode_pairs(["ACG", "T"], ["TT", "AC"]))
    assert ids == [[2, 9, 8, 6, 3, 3, 7, 7, 10, 3], [2, 9, 7, 3, 3, 8, 10, 3]]
    assert types == [[0] * 10, [0] * 8]  # RoBERTa has one type


@pytest.mark.parametrize("processor", [None, "default"])
def test_a_file_without_a_form_of_pairs(processor: str | None, tmp_path: Path) -> None:
    template = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)]
    )
    small_bpe(template if processor else None).save(str(tmp_path / "tokenizer.json"))
    tokenizer = BpeTokenizer(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="no form of pairs with a special token between the two"):
        tokenizer.encode_pairs([], [])


def test_without_special_tokens_nothing_parts_a_pair(
    dnabert2: tuple[BpeTokenizer, Any],
) -> None:
    tokenizer = BpeTokenizer(dnabert2[0].source, add_special_tokens=False)
    with pytest.raises(ValueError, match="add_special_tokens=false leaves nothing between"):
        tokenizer.encode_pairs(["A"], ["C"])


def test_which_kinds_have_pairs() -> None:
    single = [NonOverlappingTokenizer(), CharacterTokenizer(), OneHotTokenizer()]
    assert not any(isinstance(tokenizer, PairTokenizer) for tokenizer in single)
    assert isinstance(KmerTokenizer(), PairTokenizer)


def test_columns_of_unequal_length() -> None:
    with pytest.raises(ValueError, match="2 first and 1 second sequences make no pairs"):
        KmerTokenizer(k=3).encode_pairs(["ACG", "ACG"], ["ACG"])

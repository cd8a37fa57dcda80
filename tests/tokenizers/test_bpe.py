"""Where a byte-pair tokenizer may come from, and that nothing saved in it cuts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants
from tokenizers import Tokenizer, models, pre_tokenizers

from dnaft.data import train_bbpe
from dnaft.tokenizers.bpe import BpeTokenizer

SEQUENCE = "ACGTTGCA" * 40


@pytest.fixture
def backend() -> Tokenizer:
    """Eight tokens: A C G T N, the pair AC, and two specials."""
    vocabulary = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "A", "C", "G", "T", "N", "AC"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("A", "C")], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_truncation_and_padding_of_the_file_are_off(backend: Tokenizer, tmp_path: Path) -> None:
    backend.enable_truncation(4)
    backend.enable_padding(pad_id=0, pad_token="[PAD]", length=50)
    backend.save(str(tmp_path / "tokenizer.json"))
    tokenizer = BpeTokenizer(str(tmp_path / "tokenizer.json"))
    assert tokenizer.encode(["ACGT", "GGGGGGGG", ""]).lengths().tolist() == [3, 8, 0]
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.mask_id) == (0, 1, None)
    assert tokenizer.vocab_size == 8


def test_an_empty_token_needs_no_row_of_the_embedding(tmp_path: Path) -> None:
    """GROVER's tokenizer.json has 610 tokens, the last one empty; its model has 609 rows."""
    vocabulary = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "A", "C", "AC", ""])}
    merges = [("A", ""), ("C", ""), ("A", "C")]
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="[UNK]"))
    backend.save(str(tmp_path / "tokenizer.json"))
    tokenizer = BpeTokenizer(str(tmp_path / "tokenizer.json"))
    assert tokenizer.vocab_size == 5
    assert tokenizer.encode(["", "ACCA"]).ids.tolist() == [4, 3, 2]


def test_folder_states_the_padding_token(backend: Tokenizer, tmp_path: Path) -> None:
    backend.save(str(tmp_path / "tokenizer.json"))
    config = {"pad_token": {"content": "N", "lstrip": False}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert BpeTokenizer(str(tmp_path)).pad_id == 6
    assert BpeTokenizer(str(tmp_path), pad_token="T").pad_id == 5


def test_hub_id_is_found_in_the_cache_offline(
    backend: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "models--someone--dna-bpe"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    backend.save(str(repository / "snapshots" / "abc" / "tokenizer.json"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert BpeTokenizer("someone/dna-bpe").encode(["ACG"]).ids.tolist() == [7, 4]
    with pytest.raises(ValueError, match="no tokenizer 'someone/else' on this disk"):
        BpeTokenizer("someone/else")


def test_prefix_sequence_and_suffix_are_one_string() -> None:
    plain = BpeTokenizer("package:bbpe_yeast")
    framed = BpeTokenizer("package:bbpe_yeast", "Domain: DNA\nSequence: ", "\nAnnotation:")
    expected = plain.encode([f"Domain: DNA\nSequence: {SEQUENCE}\nAnnotation:"])
    assert framed.encode([SEQUENCE]).ids.tolist() == expected.ids.tolist()


def test_packaged_has_the_specials_of_opt() -> None:
    tokenizer = BpeTokenizer("package:bbpe_yeast")
    assert tokenizer.encode([""]).ids.tolist() == [2]
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.vocab_size) == (1, 3, 2048)
    bare = BpeTokenizer("package:bbpe_yeast", add_special_tokens=False)
    assert bare.encode([""]).ids.tolist() == []


def test_packaged_is_what_the_recipe_gives() -> None:
    packaged = Tokenizer.from_file(str(train_bbpe.OUTPUT))
    assert train_bbpe.train().get_vocab() == packaged.get_vocab()


def test_packaged_spends_few_tokens_on_the_prompt() -> None:
    tokenizer = BpeTokenizer("package:bbpe_yeast")
    prompt = "Domain: DNA Promoter\nSequence: \nAnnotation:"
    assert len(tokenizer.encode([prompt]).ids) <= 16
    assert len(tokenizer.encode([SEQUENCE]).ids) < len(SEQUENCE) / 3


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("package:none", "no packaged tokenizer 'none'; there are: bbpe_yeast"),
        ("nowhere/tokenizer.json", "no tokenizer file or folder nowhere/tokenizer.json"),
        ("../a/b/c", "no tokenizer file or folder ../a/b/c; check tokenizer.source"),
    ],
)
def test_missing_source(source: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BpeTokenizer(source)


def test_damaged_file_and_missing_padding(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer.json is no tokenizer.json"):
        BpeTokenizer(str(file))
    Tokenizer(models.BPE({"A": 0}, [])).save(str(file))
    with pytest.raises(ValueError, match=r"states no padding token; set tokenizer\.pad_token"):
        BpeTokenizer(str(file))
    with pytest.raises(ValueError, match="has no token 'B'"):
        BpeTokenizer(str(file), pad_token="B")


def test_slow_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(["<unk>", "<pad>", "<mask>", "<cls>", *"ACGT"]))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "EsmTokenizer"}')
    with pytest.raises(ValueError, match=r"EsmTokenizer has no tokenizer.json form"):
        BpeTokenizer(str(tmp_path))


def test_transformers_is_imported_only_when_needed() -> None:
    code = (
        "import sys; from dnaft.tokenizers.bpe import BpeTokenizer; "
        "BpeTokenizer('package:bbpe_yeast'); "
        "print([m for m in ('transformers', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

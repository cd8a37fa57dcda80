"""Ids equal those of the original tokenizers, input by input (made by other people's code)."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer

# From here on DNABERT's own tokenizer breaks an input into pieces, each with [CLS] and [SEP].
# dnaft does not: it has no limit of length of its own, and cutting is the data module's matter.
PIECES_FROM_KMERS = 510
SPECIES_ID = 4101 + 7  # the golden file has -1 where the (unknown) species id stands


@pytest.fixture(scope="module")
def folder(golden_dir: Path) -> Path:
    if not (golden_dir / "tokenizers" / "tokenizers.json").is_file():
        pytest.skip("no golden tokenizer file in DNAFT_GOLDEN_DIR")
    return golden_dir / "tokenizers"


@pytest.fixture(scope="module")
def golden(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "tokenizers.json").read_text())
    return read


def unpacked(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def write_gpt2(source: Path, target: Path) -> None:
    (target / "vocab.json").write_text(unpacked(source / "gpt2_encoder.json.gz"))
    (target / "merges.txt").write_text(unpacked(source / "gpt2_vocab.bpe.gz"))
    (target / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')


def write_opt(source: Path, target: Path) -> None:
    """Write the folder of facebook/opt: GPT-2's pairs, the ids of fairseq's dictionary plus 4."""
    token_of = {v: k for k, v in json.loads(unpacked(source / "gpt2_encoder.json.gz")).items()}
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    for line, entry in enumerate(unpacked(source / "fairseq_gpt2_dict.txt.gz").splitlines()):
        number = entry.split()[0]
        vocabulary[token_of[int(number)] if number.isdigit() else number] = 4 + line
    names = {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}
    config = {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, **names}
    (target / "vocab.json").write_text(json.dumps(vocabulary))
    (target / "merges.txt").write_text(unpacked(source / "gpt2_vocab.bpe.gz"))
    (target / "tokenizer_config.json").write_text(json.dumps(config))


def build(name: str, source: Path, tmp_path: Path) -> Tokenizer:
    """Return our tokenizer for a name in the golden file; fails for a name nobody built."""
    if name.startswith("dnabert1_k"):
        return KmerTokenizer(k=int(name.removeprefix("dnabert1_k")[0]))
    if name.startswith("specieslm_k"):
        k = int(name.removeprefix("specieslm_k")[0])
        return KmerTokenizer(k=k, species_id=SPECIES_ID, vocab_size=5504)
    if name == "nt_v1":
        return NonOverlappingTokenizer(version="v1")
    if name == "nt_v2":
        return NonOverlappingTokenizer(version="v2")
    if name == "dnabert2":
        return BpeTokenizer(str(source / "dnabert2_tokenizer.json"))
    if name == "gpt2":
        write_gpt2(source, tmp_path)
        return BpeTokenizer(str(tmp_path))
    if name == "opt":
        write_opt(source, tmp_path)
        return BpeTokenizer(str(tmp_path))
    raise AssertionError(f"golden tokenizer {name} is built by no test")


@pytest.fixture(scope="module")
def built(
    golden: dict[str, Any], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Tokenizer]:
    """One of our tokenizers for each name in the golden file."""
    return {n: build(n, folder / "src", tmp_path_factory.mktemp(n)) for n in golden["ids"]}


def test_ids_equal(golden: dict[str, Any], built: dict[str, Tokenizer]) -> None:
    inputs = golden["inputs"]
    for name, tokenizer in built.items():
        expected = golden["ids"][name]
        encoded = tokenizer.encode([inputs[key] for key in expected])
        for row, (key, ids) in zip(encoded, expected.items(), strict=True):
            kmers = len(inputs[key]) - tokenizer.min_length_bp + 1
            if name.endswith("_original") and kmers >= PIECES_FROM_KMERS:
                assert ids.count(2) > 1, f"{name} {key}: the original breaks this one"
                continue
            assert row.tolist() == [SPECIES_ID if i == -1 else i for i in ids], f"{name} {key}"


def test_each_row_alone_equals_the_batch(
    golden: dict[str, Any], built: dict[str, Tokenizer]
) -> None:
    sequences = list(golden["inputs"].values())
    for name, tokenizer in built.items():
        together = tokenizer.encode(sequences)
        for row, sequence in zip(together, sequences, strict=True):
            assert tokenizer.encode([sequence]).ids.tolist() == row.tolist(), f"{name} {sequence}"


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_dnabert_vocabulary_order(k: int, golden: dict[str, Any], folder: Path) -> None:
    tokenizer = KmerTokenizer(k=k)
    file = folder / "src" / f"dnabert1_vocab_{k}.txt"
    assert tokenizer.vocabulary() == file.read_text().split()
    assert tokenizer.vocab_size == golden["vocab_order"]["dnabert1_k3..k6"]["sizes"][str(k)]


@pytest.mark.parametrize(("version", "rows"), [("v1", 4105), ("v2", 4107)])
def test_nt_vocabulary_order(version: Any, rows: int, folder: Path) -> None:
    tokenizer = NonOverlappingTokenizer(version=version)
    assert (
        tokenizer.vocabulary() == (folder / "src" / f"nt_{version}_vocab.txt").read_text().split()
    )
    assert tokenizer.vocab_size == rows


def test_opt_published_ids(folder: Path, tmp_path: Path) -> None:
    """The ids that the tests of transformers state for facebook/opt-350m."""
    write_opt(folder / "src", tmp_path)
    tokenizer = BpeTokenizer(str(tmp_path), prefix="A photo of ", suffix="at")
    assert tokenizer.encode(["a c"]).ids.tolist() == [2, 250, 1345, 9, 10, 4758]
    assert (tokenizer.pad_id, tokenizer.unk_id) == (1, 3)

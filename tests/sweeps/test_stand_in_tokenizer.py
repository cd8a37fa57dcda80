"""Packaged tokenizers in the place of those of the hub: ids that fit, and about as many tokens."""

import random
from pathlib import Path
from typing import Any

import pytest

from composing import composed
from dnaft.config import build
from dnaft.sweeps.stand_in_tokenizer import find_stand_in
from dnaft.tokenizers.base import Tokenizer
from small_models import MODELS

DRAW = random.Random(1)
SEQUENCES = ["".join(DRAW.choices("ACGT", k=500)) for _ in range(100)]


def stand_in(folder: Path, *overrides: str) -> tuple[Tokenizer, str] | None:
    config = composed("method=linear_probe", *overrides)
    architecture: dict[str, Any] = config["model"].get("architecture") or {}
    found = find_stand_in(config["tokenizer"], architecture, folder)
    return None if found is None else (build(found[0], "tokenizer"), found[1])


def bases_a_token(tokenizer: Tokenizer) -> float:
    specials = len(tokenizer.encode([""]).ids)
    tokens = tokenizer.encode(SEQUENCES).lengths() - specials
    return float(500 * len(SEQUENCES) / tokens.sum())


@pytest.mark.parametrize("model", MODELS)
def test_ids_fit_the_embedding_of_the_model(model: str, tmp_path: Path) -> None:
    config = composed("method=linear_probe", f"model={model}")
    found = stand_in(tmp_path, f"model={model}")
    if found is None:
        # A tokenizer that is made here, is packaged, or belongs to an architecture that is not
        # known before its code is there.
        source = str(config["tokenizer"].get("source", "package:"))
        known = config["model"].get("architecture") is not None
        assert not known or source.startswith(("package:", "python:"))
        return
    tokenizer, _ = found
    assert tokenizer.vocab_size <= config["model"]["architecture"]["vocab_size"]


# DNABERT-2's own and GPT-2's, which OPT has, read 4.68 and 1.91 bases of such sequences a token
# (their published vocabularies; test_pace_of_the_originals). The others follow from their kind.
@pytest.mark.parametrize(
    ("overrides", "said", "bases"),
    [
        (["model=dnabert2"], "packaged byte pairs", 4.68),
        (["model=opt_125m"], "packaged byte pairs (about two bases a token)", 1.91),
        (["model=opt_125m", "tokenizer=own_by_base"], "single bases", 1.0),
        (["model=specieslm"], "overlapping 6-mers", 500 / 495),
        (["model=grover"], "packaged byte pairs", 3.8),
    ],
)
def test_a_sequence_has_about_as_many_tokens(
    overrides: list[str], said: str, bases: float, tmp_path: Path
) -> None:
    found = stand_in(tmp_path, *overrides)
    assert found is not None
    tokenizer, what = found
    assert what == said
    assert bases_a_token(tokenizer) == pytest.approx(bases, rel=0.03)


def test_pace_of_the_originals(golden_dir: Path, tmp_path: Path) -> None:
    import gzip

    from tokenizers import ByteLevelBPETokenizer

    from dnaft.tokenizers.bpe import BpeTokenizer

    source = golden_dir / "tokenizers" / "src"
    if not source.is_dir():
        pytest.skip("no golden tokenizers in DNAFT_GOLDEN_DIR")
    own = BpeTokenizer(str(source / "dnabert2_tokenizer.json"))
    assert bases_a_token(own) == pytest.approx(4.68, rel=0.01)
    for name, there in (("vocab.json", "gpt2_encoder.json"), ("merges.txt", "gpt2_vocab.bpe")):
        (tmp_path / name).write_bytes(gzip.decompress((source / f"{there}.gz").read_bytes()))
    gpt2 = ByteLevelBPETokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    tokens = sum(len(encoding.ids) for encoding in gpt2.encode_batch(SEQUENCES))
    assert 500 * len(SEQUENCES) / tokens == pytest.approx(1.91, rel=0.01)


def test_language_prefixes_are_encoded(tmp_path: Path) -> None:
    for tokenizer in ("own", "own_by_base"):
        overrides = ["model=opt_125m", f"tokenizer={tokenizer}", "method=lingo", "task=h3"]
        config = composed(*overrides)
        found = find_stand_in(config["tokenizer"], config["model"]["architecture"], tmp_path)
        assert found is not None
        node = found[0]
        assert node["prefix"].startswith("Domain: ")
        assert len(build(node, "tokenizer").encode([""]).ids) > 5


def test_a_file_that_should_be_here_has_no_stand_in(tmp_path: Path) -> None:
    architecture = {"vocab_size": 4096}
    node = {"_target_": "dnaft.tokenizers.bpe.BpeTokenizer"}
    assert find_stand_in({**node, "source": "someone/none"}, architecture, tmp_path) is not None
    for source in ("none.json", "package:none", "python:none/model", "./none", str(tmp_path), None):
        assert find_stand_in({**node, "source": source}, architecture, tmp_path) is None, source

"""Vocabularies learnt from a genome."""

import json
from pathlib import Path

import pytest

from dnaft.pretraining import vocabulary
from dnaft.pretraining.genome import Genome
from dnaft.pretraining.vocabulary import learn_dna, learn_text, main, phrases, pieces
from dnaft.sequence import reverse_complement
from dnaft.tokenizers.bpe import BpeTokenizer


def test_only_training_chromosomes_are_read_both_strands_once(small_genome: Genome) -> None:
    texts = list(pieces(small_genome))
    for name in ("chrA", "chrB"):
        text = small_genome.chromosomes[name].tobytes().decode()
        for strand in (text, reverse_complement(text)):
            assert texts[: -(-len(text) // 1000)] == [
                strand[i : i + 1000] for i in range(0, len(text), 1000)
            ]
            texts = texts[-(-len(text) // 1000) :]
    assert texts == []


def test_dna_vocabulary(small_genome: Genome, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(learn_dna(pieces(small_genome), 100).to_str())
    tokenizer = BpeTokenizer(str(path))
    words = tokenizer.vocabulary()
    assert words[:9] == ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T"]
    assert len(words) == tokenizer.vocab_size == 100
    assert all(set(word) <= set("ACGT") for word in words[5:])
    assert (tokenizer.pad_id, tokenizer.mask_id, tokenizer.unk_id) == (3, 4, 0)
    text = small_genome.chromosomes["chrC"][:500].tobytes().decode()
    ids = tokenizer.encode([text])[0]
    assert (ids[0], ids[-1]) == (1, 2)
    assert "".join(words[i] for i in ids[1:-1]) == text
    assert len(ids) < 250
    pair = tokenizer.encode_pairs(["ACGT"], ["TTTT"])
    assert pair.ids.tolist().count(2) == 2


def test_text_vocabulary_keeps_language_and_dna_apart(small_genome: Genome, tmp_path: Path) -> None:
    texts = [*phrases(), *pieces(small_genome)]
    path = tmp_path / "tokenizer.json"
    path.write_text(learn_text(texts, 700).to_str())
    tokenizer = BpeTokenizer(str(path))
    words = tokenizer.vocabulary()
    assert words[:4] == ["<s>", "<pad>", "</s>", "<unk>"]  # as in OPT
    assert {"Domain", "Sequence", "ĠYeast", "ĠPromoter", "ĠCoding"} <= set(words)
    # A long word of bases is no part of a longer word, whatever stands around it.
    ids = tokenizer.encode(["Sequence: ACGTACGGTCA\nAnnotation:"])[0]
    pieces_of_text = [words[i] for i in ids]
    assert pieces_of_text[0] == "</s>"
    assert "".join(pieces_of_text[1:]) == "Sequence:ĠACGTACGGTCAĊAnnotation:"
    inside = "".join(w if set(w) <= set("ACGT") else "|" for w in pieces_of_text)
    assert "|ACGTACGGTCA|" in inside


def test_command_line(
    genome_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "bpe.json"
    arguments = [str(genome_file), "--hold-out", "chrC", "chrD", "--size", "50"]
    assert main([*arguments, "--out", str(out)]) == 0
    assert BpeTokenizer(str(out)).vocab_size == 50
    again = tmp_path / "again.json"
    main([*arguments, "--out", str(again)])
    assert again.read_bytes() == out.read_bytes()
    assert main([str(genome_file), "--hold-out", "chrX", "--out", str(out)]) == 2
    assert "error: dev names 'chrX', which genome does not have" in capsys.readouterr().err
    assert main([*arguments[:-1], "5", "--out", str(out)]) == 2
    assert "--size: must be 9 or more, got 5" in capsys.readouterr().err


def test_check_tells_a_changed_file(
    small_genome: Genome,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(vocabulary, "ASSETS", tmp_path)
    monkeypatch.setattr(vocabulary, "PACKAGED_SIZE", 400)
    monkeypatch.setattr(vocabulary, "_PHRASE_REPEATS", 20)
    monkeypatch.setattr(vocabulary, "_yeast", lambda: small_genome)
    assert main(["--packaged"]) == 0
    assert main(["--packaged", "--check"]) == 0
    changed = tmp_path / "bpe_yeast.json"
    changed.write_text(changed.read_text() + " ")
    assert main(["--packaged", "--check"]) == 1
    assert f"{changed} differs from what the recipe gives" in capsys.readouterr().out


@pytest.mark.slow
def test_packaged_vocabularies_are_what_the_recipe_gives() -> None:
    assert main(["--packaged", "--check"]) == 0


def test_packaged_vocabularies_have_the_size_they_say() -> None:
    for name in ("bpe_yeast", "bbpe_yeast_text"):
        content = json.loads((vocabulary.ASSETS / f"{name}.json").read_text())
        assert len(content["model"]["vocab"]) == vocabulary.PACKAGED_SIZE

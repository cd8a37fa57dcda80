"""SpeciesLM's tokenizer reads the species token's id from the model's own vocabulary."""

import itertools
import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from dnaft.config import build
from dnaft.errors import InputError
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.species import species_tokenizer

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SPECIES = ["ashbya_gossypii", "candida_glabrata", "kluyveromyces_lactis"]
ROWS = ["ACGTACGTAC", "TTTTTT", "ACGTN", "NACGTACGG", ""]


def words(bases: str = "ATCG", k: int = 6) -> list[str]:
    """Vocabulary in the order of its ids: specials, k-mers, species."""
    return SPECIALS + ["".join(t) for t in itertools.product(bases, repeat=k)] + SPECIES


def write_json(folder: Path, vocabulary: list[str]) -> str:
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    return str(folder)


def write_vocab_txt(folder: Path, vocabulary: list[str]) -> str:
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.mark.parametrize("write", [write_json, write_vocab_txt])
def test_ids_are_the_kmers_behind_the_species(tmp_path: Path, write: object) -> None:
    source = write(tmp_path, words())  # type: ignore[operator]
    tokenizer = species_tokenizer(source, "candida_glabrata")
    species_id = 5 + 4**6 + 1  # the second species behind specials and 6-mers
    assert tokenizer.vocab_size == 5 + 4**6 + 3
    plain = KmerTokenizer(k=6).encode(ROWS)
    for with_species, without in zip(tokenizer.encode(ROWS), plain, strict=True):
        first, *rest = without.tolist()
        assert with_species.tolist() == [first, species_id, *rest]
    # room for [CLS], the species, two 6-mers and [SEP]
    assert tokenizer.longest_prefix("ACGTACGTAC", 5) == 7


def test_two_species_have_two_fingerprints(tmp_path: Path) -> None:
    source = write_json(tmp_path, words())
    first, second = (species_tokenizer(source, name).fingerprint() for name in SPECIES[:2])
    assert first != second


def test_an_unknown_species_is_named_with_some_that_are_known(tmp_path: Path) -> None:
    source = write_json(tmp_path, words())
    with pytest.raises(ValueError, match=r"has no species 'homo_sapiens'; it has 3, such as ash"):
        species_tokenizer(source, "homo_sapiens")


@pytest.mark.parametrize("special", ["[CLS]", "ACGTAC"])
def test_a_kmer_or_special_token_is_no_species(tmp_path: Path, special: str) -> None:
    source = write_json(tmp_path, words())
    with pytest.raises(ValueError, match="species"):
        species_tokenizer(source, special)


def test_no_source() -> None:
    node = {
        "_target_": "dnaft.tokenizers.species.species_tokenizer",
        "source": None,
        "species": "candida_glabrata",
    }
    message = r"tokenizer: a species token needs the model's vocabulary; give model\.source"
    with pytest.raises(InputError, match=message):
        build(node, "tokenizer")


def test_another_order_of_bases(tmp_path: Path) -> None:
    source = write_json(tmp_path, words("ACGT"))
    with pytest.raises(ValueError, match=r"does not hold all 6-mers in DNABERT's order"):
        species_tokenizer(source, "candida_glabrata")


def test_two_kmers_changed_places(tmp_path: Path) -> None:
    vocabulary = words()
    vocabulary[5], vocabulary[6] = vocabulary[6], vocabulary[5]
    source = write_json(tmp_path, vocabulary)
    with pytest.raises(ValueError, match=r"order: AAAAAA should be 5 and is 6; set tokenizer\.k"):
        species_tokenizer(source, "candida_glabrata")


def test_another_k(tmp_path: Path) -> None:
    source = write_json(tmp_path, words(k=5))
    with pytest.raises(ValueError, match=r"does not hold all 6-mers in DNABERT's order"):
        species_tokenizer(source, "candida_glabrata")
    assert species_tokenizer(source, "candida_glabrata", k=5).k == 5

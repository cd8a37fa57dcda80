"""The chain that is told regions, by pencil."""

import numpy as np
import pytest

from dnaft.pretraining.genome import Genome
from dnaft.pretraining.markov import MarkovChain
from dnaft.pretraining.region_chain import RegionChain
from dnaft.pretraining.regions import Regions


def genome_of(text: str, labels: list[int], reversed_labels: list[int]) -> Genome:
    codes = {
        name: np.frombuffer(part.encode("ascii"), dtype=np.uint8)
        for name, part in (("one", text), ("two", "ACGTTGCA" * 4))
    }
    regions = Regions(
        tuple(f"kind {number}" for number in range(len(reversed_labels))),
        np.array(reversed_labels, dtype=np.uint8),
        {"one": np.array(labels, np.uint8), "two": np.zeros(32, np.uint8)},
        "any",
        0.0,
    )
    return Genome("small", codes, ("two",), (), None, regions)


def test_a_region_s_words_are_counted_and_drawn_to_those_of_all() -> None:
    """Order 1: ACAC in region 0 and ACC in region 1; behind the other strand both are region 2."""
    genome = genome_of("ACACACC", [0, 0, 0, 0, 1, 1, 1], [2, 2, 0])
    plain = MarkovChain.count(genome.codes("train"), 1)
    chain = RegionChain.count(genome, plain)
    # Words that end in region 0, plus strand: AC, CA, AC.
    from_a = (np.array([0, 2, 0, 0]) + 20 * plain.next[0]) / 22
    from_c = (np.array([1, 0, 0, 0]) + 20 * plain.next[1]) / 21
    np.testing.assert_allclose(chain.next[0, 0], from_a)
    np.testing.assert_allclose(chain.next[0, 1], from_c)
    np.testing.assert_allclose(chain.next.sum(axis=2), 1)
    bases, labels = np.array([0, 1, 0], np.uint8), np.array([0, 0, 1], np.uint8)
    found = chain.next_base_nats(bases, labels)
    first = plain.next_base_nats(bases[None])[0, 0]
    expected = [first, -np.log(from_a[1]), -np.log(chain.next[1, 1, 0])]
    np.testing.assert_allclose(found, expected)


def test_what_names_tell_is_worth_something() -> None:
    """Every second stretch of 50 bases has many A, the others many C."""
    generator = np.random.default_rng(1)
    common = np.repeat(np.arange(80) % 2, 50)
    bases = np.where(generator.random(4000) < 0.7, common, generator.integers(0, 4, 4000))
    genome = genome_of("".join("ACGT"[base] for base in bases), common.tolist(), [0, 1])
    plain = MarkovChain.count(genome.codes("train"), 5)
    chain = RegionChain.count(genome, plain)
    row = bases.astype(np.uint8)
    told = chain.next_base_nats(row, common.astype(np.uint8))
    assert told.mean() < plain.next_base_nats(row[None]).mean() - 0.02
    assert told.shape == (4000,)


def test_a_genome_without_annotation_is_refused() -> None:
    plain = genome_of("ACGT" * 10, [0] * 40, [0])
    bare = Genome("bare", plain.chromosomes, ("two",), (), None)
    with pytest.raises(ValueError, match="genome: bare has no annotation"):
        RegionChain.count(bare, MarkovChain.count(bare.codes("train"), 1))

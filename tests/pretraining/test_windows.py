"""Windows: where they lie, what they read, that they never hold another letter."""

import numpy as np
import pytest

from dnaft.pretraining.genome import Genome
from dnaft.pretraining.windows import WindowSampler
from dnaft.sequence import reverse_complement


def test_a_window_reads_the_genome_at_its_place(small_genome: Genome) -> None:
    sampler = WindowSampler(small_genome, "train", 50, seed=3)
    strands = set()
    for window in map(sampler.draw, range(300)):
        assert window.chromosome in ("chrA", "chrB")
        text = small_genome.chromosomes[window.chromosome].tobytes().decode()
        there = text[window.start : window.start + 50]
        expected = there if window.strand > 0 else reverse_complement(there)
        assert sampler.read(window).tobytes().decode() == expected
        strands.add(window.strand)
    assert strands == {1, -1}


def test_all_places_are_equally_likely() -> None:
    codes = np.frombuffer(b"ACGTACGTAC" + b"N" + b"ACGTAC" + b"NN" + b"ACG", dtype=np.uint8)
    genome = Genome("n", {"one": codes, "two": codes, "dev": codes}, dev=("dev",))
    sampler = WindowSampler(genome, "train", 5, seed=1)
    # By pencil: 6 windows in the first stretch, 2 in the second, none in the third.
    places = [(name, start) for name in ("one", "two") for start in (0, 1, 2, 3, 4, 5, 11, 12)]
    assert len(sampler) == len(places)
    drawn = [sampler.draw(n) for n in range(6400)]
    counts = np.array([sum((w.chromosome, w.start) == p for w in drawn) for p in places])
    assert counts.sum() == 6400
    assert np.abs(counts - 400).max() < 5 * np.sqrt(400)
    minus = sum(w.strand < 0 for w in drawn)
    assert abs(minus - 3200) < 5 * np.sqrt(1600)


def test_a_window_depends_on_seed_and_number_alone(small_genome: Genome) -> None:
    first = WindowSampler(small_genome, "train", 50, seed=3)
    again = WindowSampler(small_genome, "train", 50, seed=3)
    other = WindowSampler(small_genome, "train", 50, seed=4)
    assert [first.draw(n) for n in (9, 2, 5)] == [again.draw(n) for n in (9, 2, 5)]
    assert [first.draw(n) for n in range(9)] != [other.draw(n) for n in range(9)]


def test_strands_can_be_fixed(small_genome: Genome) -> None:
    for probability, strand in ((0.0, 1), (1.0, -1)):
        sampler = WindowSampler(small_genome, "dev", 50, 1, reverse_probability=probability)
        assert {sampler.draw(n).strand for n in range(50)} == {strand}


def test_what_cannot_be_drawn_is_refused(small_genome: Genome) -> None:
    with pytest.raises(ValueError, match="the dev chromosomes of small have no 12,001 bases in a"):
        WindowSampler(small_genome, "dev", 12_001, 1)
    with pytest.raises(ValueError, match="window_bp must be 1 or more"):
        WindowSampler(small_genome, "dev", 0, 1)
    with pytest.raises(ValueError, match="reverse_probability must lie in"):
        WindowSampler(small_genome, "dev", 10, 1, reverse_probability=1.5)

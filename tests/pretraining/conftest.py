"""A small genome, in memory and as files."""

from pathlib import Path

import numpy as np
import pytest

from dnaft.pretraining.genome import Codes, Genome

LETTERS = np.frombuffer(b"ACGT", dtype=np.uint8)
LENGTHS = {"chrA": 60_000, "chrB": 30_000, "chrC": 12_000, "chrD": 5000}


def random_bases(length: int, seed: int) -> Codes:
    """Bases of uneven composition in which the letter eight places back often comes again."""
    generator = np.random.default_rng(seed)
    bases = generator.choice(4, size=length, p=[0.35, 0.15, 0.2, 0.3])
    copied = generator.random(length) < 0.6
    for place in range(8, length):
        if copied[place]:
            bases[place] = bases[place - 8]
    codes: Codes = LETTERS[bases]
    return codes


@pytest.fixture(scope="session")
def small_genome() -> Genome:
    chromosomes = {
        name: random_bases(length, seed) for seed, (name, length) in enumerate(LENGTHS.items())
    }
    return Genome("small", chromosomes, dev=("chrC",), test=("chrD",), species="some_species")


@pytest.fixture(scope="session")
def genome_file(small_genome: Genome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("genome") / "small.fa"
    with path.open("w") as file:
        for name, codes in small_genome.chromosomes.items():
            text = codes.tobytes().decode()
            lines = [text[i : i + 60] for i in range(0, len(text), 60)]
            file.write(f">{name} a chromosome\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def genome_overrides(genome_file: Path) -> list[str]:
    return [
        "genome=fasta",
        "genome.name=small",
        f"genome.files=[{genome_file}]",
        "genome.dev=[chrC]",
        "genome.test=[chrD]",
    ]

"""Genomes from files: FASTA or GenBank, plain or gzipped, told apart by their first bytes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dnaft.data.chromosomes import read_chromosomes
from dnaft.errors import InputError
from dnaft.pretraining.genome import Codes, Genome


def genome_from_files(
    name: str,
    files: Sequence[str],
    dev: Sequence[str],
    test: Sequence[str] = (),
    species: str | None = None,
) -> Genome:
    """Read a genome whose chromosomes may lie in one file or several.

    Args:
        name: What to call it.
        files: FASTA or GenBank files, plain or gzipped.
        dev: Chromosomes for held-out numbers, by the first word of the FASTA header or the name
            in the LOCUS line.
        test: Further chromosomes that training never sees.
        species: Name of the species token, where a tokenizer has one.

    Raises:
        InputError: If a file cannot be read, or a sequence is empty, named twice, or has a letter
            that is none of DNA.
        ValueError: If the held-out chromosomes do not fit, see `Genome`.
    """
    if not files:
        raise ValueError("files is empty; name one, for example genome.files=[genome.fa.gz]")
    chromosomes: dict[str, Codes] = {}
    for file in files:
        for record, codes in read_sequences(Path(file).expanduser()):
            if record in chromosomes:
                raise InputError(f"{file}: a second sequence is named {record}; rename one")
            chromosomes[record] = codes
    return Genome(name, chromosomes, tuple(dev), tuple(test), species)


def read_sequences(path: Path) -> Iterator[tuple[str, Codes]]:
    """Yield name and upper-case ASCII codes of each sequence of a file.

    Raises:
        InputError: If the file cannot be read, is neither FASTA nor GenBank, or holds a sequence
            that is empty or has a letter other than the IUPAC codes of DNA.
    """
    for name, letters in read_chromosomes(path):
        yield name, np.frombuffer(letters.upper(), dtype=np.uint8)

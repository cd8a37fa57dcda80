"""What the recipes ask of the annotation: coding bases, bases before genes, promoter windows."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from dnaft.data.yeast_genome import Chromosome, Feature
from dnaft.data.yeast_windows import Window

PROMOTER_BP = 300


def proteins(chromosome: Chromosome) -> list[Feature]:
    """Return the coding sequences that are no pseudogenes, in the order of the file."""
    return [f for f in chromosome.features if f.kind == "CDS" and "pseudo" not in f.qualifiers]


def coding_bases(chromosome: Chromosome, strand: int | None = None) -> NDArray[np.bool_]:
    """Mark the coding bases of both strands, or of one; pseudogenes count."""
    mask = np.zeros(len(chromosome.sequence), bool)
    for feature in chromosome.features:
        if feature.kind == "CDS" and strand in (None, feature.strand):
            for begin, end in feature.blocks:
                mask[begin:end] = True
    return mask


def bases_before_genes(
    chromosome: Chromosome, length_bp: int, strand: int | None = None
) -> NDArray[np.bool_]:
    """Mark the bases before any gene, of whatever kind, of both strands or of one."""
    mask = np.zeros(len(chromosome.sequence), bool)
    for feature in chromosome.features:
        if feature.kind in ("gene", "CDS") and strand in (None, feature.strand):
            start = feature.upstream(length_bp)
            mask[max(start, 0) : max(start + length_bp, 0)] = True
    return mask


def count_in_windows(mask: NDArray[np.bool_], length_bp: int) -> NDArray[np.int64]:
    """Count the true places in each window, from the one at the left end on."""
    sums = np.zeros(len(mask) + 1, np.int64)
    np.cumsum(mask, out=sums[1:])
    return sums[length_bp:] - sums[:-length_bp]


def promoter_windows(
    genome: list[Chromosome], max_coding_bp: int, counts: Counter[str]
) -> list[Window]:
    """List the 300 bases before start codons, by chromosome and place of the gene.

    Args:
        genome: All chromosomes.
        max_coding_bp: A window with more coding bases is in good part another gene.
        counts: Takes up how many there are, and why some are left out.
    """
    windows = []
    for chromosome in genome:
        coding = count_in_windows(coding_bases(chromosome), PROMOTER_BP)
        for gene in (f for f in chromosome.features if f.kind == "CDS"):
            start = gene.upstream(PROMOTER_BP)
            counts["coding sequences"] += 1
            if "pseudo" in gene.qualifiers:
                counts["promoters of pseudogenes"] += 1
            elif not 0 <= start < len(coding):
                counts["promoters leaving the chromosome"] += 1
            elif coding[start] > max_coding_bp:
                counts["promoters with much coding sequence"] += 1
            else:
                windows.append(Window(chromosome.number, start, gene.strand))
    return windows

"""yeast_coding: pieces of coding sequences, against pieces of the stretches between genes."""

from collections import Counter
from itertools import pairwise

import numpy as np

from dnaft.data.packed import PackedWindows
from dnaft.data.yeast.annotation import proteins
from dnaft.data.yeast.assemble import SEED, Labelled, assemble
from dnaft.data.yeast.chromosomes import HELD_OUT_FIRST, chromosomes_of
from dnaft.data.yeast_genome import Chromosome
from dnaft.data.yeast_windows import ANY, Selection, Window, draw_order, random_integers

RECIPE_VERSION = "1"
LENGTH_BP = 200
# Annotations that do not end a stretch between genes; all others do, with their introns.
NO_GENE = ("source", "rep_origin", "centromere", "misc_feature")


def build(genome: list[Chromosome]) -> PackedWindows:
    """Apply the whole recipe; the counts of what was left out are in the metadata."""
    selection = Selection({c.number: c.sequence for c in genome}, LENGTH_BP)
    counts: Counter[str] = Counter()
    rows: Labelled = {}
    for number, name in enumerate(HELD_OUT_FIRST):
        chromosomes = chromosomes_of(genome, name)
        gaps = [gap for c in chromosomes for gap in _gaps(c)]
        draws = random_integers(SEED + 1 + number, ANY)
        for i in draw_order(len(gaps), SEED):
            chromosome, begin, end = gaps[i]
            counts["stretches between genes"] += 1
            if end - begin < LENGTH_BP:
                counts["stretches too short"] += 1
                continue
            place, strand = divmod(next(draws), 2)
            start = begin + place % (end - begin - LENGTH_BP + 1)
            window = Window(chromosome, start, 1 if strand else -1)
            counts[f"stretches {selection.offer(window, name, strict=True)}"] += 1
        rows[name] = dict.fromkeys(selection.kept(name), 0)
    for number, name in enumerate(HELD_OUT_FIRST):
        chromosomes, wanted = chromosomes_of(genome, name), len(rows[name])
        coding = _draw(chromosomes, name, wanted, selection, counts, SEED + 4 + number)
        rows[name] |= dict.fromkeys(coding, 1)
    return assemble("yeast_coding", RECIPE_VERSION, selection, rows, counts)


def _gaps(chromosome: Chromosome) -> list[tuple[int, int, int]]:
    """List the stretches (chromosome, begin, end) that hold no gene, transposon or telomere."""
    free = np.ones(len(chromosome.sequence), bool)
    for feature in chromosome.features:
        if feature.kind not in NO_GENE:
            free[feature.blocks[0][0] : feature.blocks[-1][1]] = False
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(np.int8)))
    return [(chromosome.number, int(a), int(b)) for a, b in list(pairwise(edges))[::2]]


def _draw(
    chromosomes: list[Chromosome],
    split: str,
    wanted: int,
    selection: Selection,
    counts: Counter[str],
    seed: int,
) -> list[Window]:
    """Draw a gene and a place in its longest exon until there are as many windows as wanted."""
    exons = []
    for chromosome in chromosomes:
        for gene in proteins(chromosome):
            begin, end = max(gene.blocks, key=lambda block: block[1] - block[0])
            if end - begin >= LENGTH_BP:
                exons.append((chromosome.number, begin, end, gene.strand))
    drawn: list[Window] = []
    for draw in random_integers(seed, ANY):
        place, which = divmod(draw, len(exons))
        number, begin, end, strand = exons[which]
        window = Window(number, begin + place % (end - begin - LENGTH_BP + 1), strand)
        outcome = selection.offer(window, split, strict=True)
        counts[f"coding windows {outcome}"] += 1
        if outcome == "kept":
            drawn.append(window)
            if len(drawn) == wanted:
                return drawn
    raise RuntimeError(f"yeast_coding, {split}: too few windows unlike each other")

"""yeast_promoter: the 300 bases before a start codon, against windows of the same GC content."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from dnaft.data.packed import PackedWindows
from dnaft.data.yeast.annotation import (
    PROMOTER_BP,
    bases_before_genes,
    count_in_windows,
    promoter_windows,
)
from dnaft.data.yeast.assemble import SEED, Labelled, assemble
from dnaft.data.yeast.chromosomes import HELD_OUT_FIRST, chromosomes_of, split_of
from dnaft.data.yeast_genome import Chromosome
from dnaft.data.yeast_windows import Selection, Window, draw_order, is_base, random_integers

RECIPE_VERSION = "1"
MAX_CODING_BP = 100  # a third
GC_BIN_BP = 3  # negatives match the positives in bins of 1% GC


def build(genome: list[Chromosome]) -> PackedWindows:
    """Apply the whole recipe; the counts of what was left out are in the metadata."""
    selection = Selection({c.number: c.sequence for c in genome}, PROMOTER_BP)
    counts: Counter[str] = Counter()
    candidates = promoter_windows(genome, MAX_CODING_BP, counts)
    rows: Labelled = {}
    for name in HELD_OUT_FIRST:
        windows = [w for w in candidates if split_of(w.chromosome) == name]
        for i in draw_order(len(windows), SEED):
            counts[f"promoters {selection.offer(windows[i], name)}"] += 1
        rows[name] = dict.fromkeys(selection.kept(name), 1)
    for number, name in enumerate(HELD_OUT_FIRST):
        chromosomes = chromosomes_of(genome, name)
        wanted = np.zeros(PROMOTER_BP // GC_BIN_BP + 1, np.int64)
        for window in rows[name]:
            wanted[is_base(selection.read(window), "GC").sum() // GC_BIN_BP] += 1
        negatives = _draw(chromosomes, name, wanted, selection, counts, SEED + 1 + number)
        rows[name] |= dict.fromkeys(negatives, 0)
    return assemble("yeast_promoter", RECIPE_VERSION, selection, rows, counts)


def _draw(
    chromosomes: list[Chromosome],
    split: str,
    wanted: NDArray[np.int64],
    selection: Selection,
    counts: Counter[str],
    seed: int,
) -> list[Window]:
    """Draw windows until each GC bin holds as many negatives as are wanted."""
    places, bins = [], []
    for chromosome in chromosomes:
        upstream = bases_before_genes(chromosome, PROMOTER_BP)
        starts = np.flatnonzero(count_in_windows(upstream, PROMOTER_BP) == 0)
        places.append(np.stack([np.full_like(starts, chromosome.number), starts], axis=1))
        is_gc = is_base(chromosome.sequence, "GC")
        bins.append(count_in_windows(is_gc, PROMOTER_BP)[starts] // GC_BIN_BP)
    allowed, gc_bins = np.concatenate(places), np.concatenate(bins)
    drawn = []
    for draw in random_integers(seed, 2 * len(allowed)):
        place, strand = divmod(draw, 2)
        if wanted[gc_bins[place]] == 0:
            continue
        number, start = (int(x) for x in allowed[place])
        window = Window(number, start, 1 if strand else -1)
        outcome = selection.offer(window, split, strict=True)
        counts[f"negatives {outcome}"] += 1
        if outcome == "kept":
            drawn.append(window)
            wanted[gc_bins[place]] -= 1
        if not wanted.any():
            return drawn
    raise RuntimeError(f"yeast_promoter, {split}: too few windows of the wanted GC content")

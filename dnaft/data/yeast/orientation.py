"""yeast_orientation: is this promoter of one gene read in the direction of the gene?"""

from collections import Counter

from dnaft.data.packed import PackedWindows
from dnaft.data.yeast.annotation import (
    PROMOTER_BP,
    bases_before_genes,
    count_in_windows,
    promoter_windows,
)
from dnaft.data.yeast.assemble import SEED, Labelled, assemble, read_either_way
from dnaft.data.yeast.chromosomes import HELD_OUT_FIRST, split_of
from dnaft.data.yeast_genome import Chromosome
from dnaft.data.yeast_windows import Selection, draw_order

RECIPE_VERSION = "1"
MAX_CODING_BP = 50  # a sixth; the gene before may be on the same strand and tell the direction


def build(genome: list[Chromosome]) -> PackedWindows:
    """Apply the whole recipe; the counts of what was left out are in the metadata."""
    selection = Selection({c.number: c.sequence for c in genome}, PROMOTER_BP)
    counts: Counter[str] = Counter()
    of_others = {  # bases before a gene of that strand
        (c.number, strand): count_in_windows(
            bases_before_genes(c, PROMOTER_BP, strand), PROMOTER_BP
        )
        for c in genome
        for strand in (1, -1)
    }
    candidates = []
    for window in promoter_windows(genome, MAX_CODING_BP, counts):
        if of_others[window.chromosome, -window.strand][window.start]:
            counts["promoters of two directions"] += 1
        else:
            candidates.append(window)
    rows: Labelled = {}
    for name in HELD_OUT_FIRST:
        windows = [w for w in candidates if split_of(w.chromosome) == name]
        for i in draw_order(len(windows), SEED):
            counts[f"promoters {selection.offer(windows[i], name)}"] += 1
        rows[name] = read_either_way(selection.kept(name))
    return assemble("yeast_orientation", RECIPE_VERSION, selection, rows, counts)

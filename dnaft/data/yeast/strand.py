"""yeast_strand: is this piece of a coding sequence read on the strand of its gene?"""

from collections import Counter
from collections.abc import Iterator

from dnaft.data.packed import PackedWindows
from dnaft.data.yeast.annotation import coding_bases, count_in_windows, proteins
from dnaft.data.yeast.assemble import SEED, Labelled, assemble, read_either_way
from dnaft.data.yeast.chromosomes import HELD_OUT_FIRST, chromosomes_of
from dnaft.data.yeast_genome import Chromosome
from dnaft.data.yeast_windows import ANY, Selection, Window, draw_order, random_integers

RECIPE_VERSION = "1"
LENGTH_BP = 70


def build(genome: list[Chromosome]) -> PackedWindows:
    """Apply the whole recipe; the counts of what was left out are in the metadata."""
    selection = Selection({c.number: c.sequence for c in genome}, LENGTH_BP)
    counts: Counter[str] = Counter()
    rows: Labelled = {}
    for number, name in enumerate(HELD_OUT_FIRST):
        candidates = []
        draws = random_integers(SEED + 1 + number, ANY)
        for chromosome in chromosomes_of(genome, name):
            candidates += _candidates(chromosome, draws, counts)
        for i in draw_order(len(candidates), SEED):
            outcome = selection.offer(candidates[i], name, strict=True)
            counts[f"windows {outcome}"] += 1
        rows[name] = read_either_way(selection.kept(name))
    return assemble("yeast_strand", RECIPE_VERSION, selection, rows, counts)


def _candidates(chromosome: Chromosome, draws: Iterator[int], counts: Counter[str]) -> list[Window]:
    """Draw one window in the longest exon of each gene that has a name of its own.

    A gene gets a name once something is known of it; systematic names alone (YAL064W) stand for
    many an open reading frame of unknown function.
    """
    coding = {s: count_in_windows(coding_bases(chromosome, s), LENGTH_BP) for s in (1, -1)}
    windows = []
    for gene in proteins(chromosome):
        begin, end = max(gene.blocks, key=lambda block: block[1] - block[0])
        counts["coding sequences"] += 1
        if "gene" not in gene.qualifiers:
            counts["coding sequences without a name"] += 1
        elif end - begin < LENGTH_BP:
            counts["coding sequences too short"] += 1
        else:
            start = begin + next(draws) % (end - begin - LENGTH_BP + 1)
            if coding[-gene.strand][start]:
                counts["windows coding on both strands"] += 1
            else:
                windows.append(Window(chromosome.number, start, gene.strand))
    return windows

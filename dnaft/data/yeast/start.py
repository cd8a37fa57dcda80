"""yeast_start: does translation start at the ATG in the middle, or at none or another nearby?"""

from collections import Counter
from collections.abc import Iterator

from dnaft.data.packed import PackedWindows
from dnaft.data.yeast.annotation import proteins
from dnaft.data.yeast.assemble import SEED, Labelled, assemble
from dnaft.data.yeast.chromosomes import HELD_OUT_FIRST, chromosomes_of
from dnaft.data.yeast_genome import Chromosome, Feature
from dnaft.data.yeast_windows import ANY, Selection, Window, draw_order, random_integers

RECIPE_VERSION = "1"
LENGTH_BP = 200
BEFORE_BP = 99  # bases before the ATG; 98 follow it
MAX_DISTANCE_BP = 300  # from a start to its decoy


def build(genome: list[Chromosome]) -> PackedWindows:
    """Apply the whole recipe; the counts of what was left out are in the metadata."""
    selection = Selection({c.number: c.sequence for c in genome}, LENGTH_BP)
    size = {c.number: len(c.sequence) for c in genome}
    counts: Counter[str] = Counter()
    rows: Labelled = {}
    for number, name in enumerate(HELD_OUT_FIRST):
        candidates, known = [], set()
        for chromosome in chromosomes_of(genome, name):
            known |= {_around(chromosome, f) for f in chromosome.features if f.kind == "CDS"}
            for gene in proteins(chromosome):
                window = _around(chromosome, gene)
                counts["coding sequences"] += 1
                if not 0 <= window.start <= size[chromosome.number] - LENGTH_BP:
                    counts["starts too near to an end"] += 1
                elif selection.read(window)[BEFORE_BP : BEFORE_BP + 3] != "ATG":
                    counts["starts parted by an intron"] += 1
                else:
                    candidates.append(window)
        for i in draw_order(len(candidates), SEED):
            counts[f"starts {selection.offer(candidates[i], name)}"] += 1
        rows[name] = {}
        draws = random_integers(SEED + 1 + number, ANY)
        for start in selection.kept(name):
            decoys = _decoys(start, size[start.chromosome], selection, next(draws))
            for decoy in (d for d in decoys if d not in known):
                outcome = selection.offer(decoy, name)
                counts[f"decoys {outcome}"] += 1
                if outcome == "kept":
                    rows[name] |= {start: 1, decoy: 0}
                    break
            else:
                counts["starts without a decoy"] += 1
    return assemble("yeast_start", RECIPE_VERSION, selection, rows, counts)


def _around(chromosome: Chromosome, gene: Feature) -> Window:
    """Return the window whose middle holds the first codon of a gene."""
    left = gene.upstream(BEFORE_BP)
    start = left if gene.strand > 0 else left + BEFORE_BP - LENGTH_BP
    return Window(chromosome.number, start, gene.strand)


def _decoys(start: Window, size: int, selection: Selection, draw: int) -> Iterator[Window]:
    """Yield the windows around other ATG of the same strand, from a drawn one on."""
    shifts = range(-MAX_DISTANCE_BP, MAX_DISTANCE_BP + 1)
    windows = [
        Window(start.chromosome, start.start + s * start.strand, start.strand) for s in shifts
    ]
    inside = [w for w in windows if 0 <= w.start <= size - LENGTH_BP and w != start]
    atg = [w for w in inside if selection.read(w)[BEFORE_BP : BEFORE_BP + 3] == "ATG"]
    for i in range(len(atg)):
        yield atg[(draw + i) % len(atg)]

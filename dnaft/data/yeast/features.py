"""yeast_features: which annotations a window of 1,000 bases holds, several labels a window."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from dnaft.data.packed import SPLITS, PackedWindows
from dnaft.data.yeast.annotation import proteins
from dnaft.data.yeast.assemble import SEED, assemble
from dnaft.data.yeast.chromosomes import HELD_OUT_FIRST, chromosomes_of
from dnaft.data.yeast_genome import Chromosome
from dnaft.data.yeast_windows import Selection, Window, draw_order

RECIPE_VERSION = "1"
LENGTH_BP = 1000
OVERLAP_BP = 50  # of an annotation make it count, or all of a shorter one
MIN_POSITIVES = 10  # of each label in each split
# Labels in their order, and what GenBank calls those that are annotations as they stand.
GENE_PARTS = ("CDS", "start", "stop", "intron")
KINDS = {
    "tRNA": "tRNA",
    "rRNA": "rRNA",
    "ncRNA": "ncRNA",
    "LTR": "LTR",
    "transposon": "mobile_element",
    "ARS": "rep_origin",
    "centromere": "centromere",
    "telomere": "telomere",
}
NO_STRAND = ("ARS", "centromere", "telomere")  # the strand in the file means nothing

Found = dict[Window, set[str]]


def build(genome: list[Chromosome]) -> PackedWindows:
    """Apply the whole recipe; the counts of what was left out are in the metadata."""
    selection = Selection({c.number: c.sequence for c in genome}, LENGTH_BP)
    counts: Counter[str] = Counter()
    found: dict[str, Found] = {}
    for name in HELD_OUT_FIRST:
        tiles: Found = {}
        for chromosome in chromosomes_of(genome, name):
            tiles |= _tiles(chromosome)
        places = list(tiles)
        for i in draw_order(len(places), SEED):
            counts[f"windows {selection.offer(places[i], name)}"] += 1
        found[name] = {window: tiles[window] for window in selection.kept(name)}
    names = tuple(_enough(found, counts))
    rows = {
        split: {w: tuple(int(name in held) for name in names) for w, held in windows.items()}
        for split, windows in found.items()
    }
    return assemble("yeast_features", RECIPE_VERSION, selection, rows, counts, names)


def _tiles(chromosome: Chromosome) -> Found:
    """Cut a chromosome into windows, end to end, and name what each holds."""
    ends = range(LENGTH_BP, len(chromosome.sequence) + 1, LENGTH_BP)
    tiles: Found = {Window(chromosome.number, end - LENGTH_BP, 1): set() for end in ends}
    for label, strand, begin, end in _annotations(chromosome):
        needed = min(OVERLAP_BP, end - begin)
        for left in range(begin - begin % LENGTH_BP, end, LENGTH_BP):
            window = Window(chromosome.number, left, 1)
            if window in tiles and min(end, left + LENGTH_BP) - max(begin, left) >= needed:
                tiles[window].add(label)
                if label not in NO_STRAND:
                    tiles[window].add(_stranded(label, strand))
    return tiles


def _annotations(chromosome: Chromosome) -> Iterator[tuple[str, int, int, int]]:
    """Yield label, strand, begin, end; start and stop are the outer coding bases of a gene."""
    for gene in proteins(chromosome):
        for begin, end in gene.blocks:
            yield "CDS", gene.strand, begin, end
        left, right = gene.blocks[0][0], gene.blocks[-1][1] - 1
        first, last = (left, right) if gene.strand > 0 else (right, left)
        yield "start", gene.strand, first, first + 1
        yield "stop", gene.strand, last, last + 1
        if "ribosomal_slippage" not in gene.qualifiers:  # pieces parted by a frameshift only
            for (_, end), (begin, _) in pairwise(gene.blocks):
                yield "intron", gene.strand, end, begin
    for label, kind in KINDS.items():
        for feature in (f for f in chromosome.features if f.kind == kind):
            yield label, feature.strand, feature.blocks[0][0], feature.blocks[-1][1]


def _enough(found: dict[str, Found], counts: Counter[str]) -> Iterator[str]:
    """Yield each label by strand; of both strands together, or not at all, if it is too rare."""
    for label in (*GENE_PARTS, *KINDS):
        stranded = [] if label in NO_STRAND else [_stranded(label, 1), _stranded(label, -1)]
        for names in (stranded, [label]):
            positives = {
                name: [sum(name in held for held in found[split].values()) for split in SPLITS]
                for name in names
            }
            if names and min(map(min, positives.values())) >= MIN_POSITIVES:
                yield from names
                break
            for name, numbers in positives.items():
                for split, number in zip(SPLITS, numbers, strict=True):
                    counts[f"too few: {name}, {split}"] = number


def _stranded(label: str, strand: int) -> str:
    return f"{label} {'+' if strand > 0 else '-'}"

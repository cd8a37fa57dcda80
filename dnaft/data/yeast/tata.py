"""yeast_tata: promoters with a TATA box, against windows that hold one at the same place."""

import re
from collections import Counter

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
from dnaft.data.yeast_windows import Selection, Window, draw_order
from dnaft.sequence import reverse_complement

RECIPE_VERSION = "1"
MAX_CODING_BP = 50  # a sixth
# The consensus of Basehoar, Zanton & Pugh, Cell 116:699 (2004); boxes may overlap.
TATA_BOX = re.compile("(?=TATA[AT]A[AT][AG])")
BOX_BP = 8


def build(genome: list[Chromosome]) -> PackedWindows:
    """Apply the whole recipe; the counts of what was left out are in the metadata."""
    selection = Selection({c.number: c.sequence for c in genome}, PROMOTER_BP)
    counts: Counter[str] = Counter()
    candidates = []
    for window in promoter_windows(genome, MAX_CODING_BP, counts):
        if last_box(selection.read(window)) is None:
            counts["promoters without TATA box"] += 1
        else:
            candidates.append(window)
    rows: Labelled = {}
    for name in HELD_OUT_FIRST:
        windows = [w for w in candidates if split_of(w.chromosome) == name]
        for i in draw_order(len(windows), SEED):
            counts[f"promoters {selection.offer(windows[i], name)}"] += 1
        rows[name] = dict.fromkeys(selection.kept(name), 1)
    for number, name in enumerate(HELD_OUT_FIRST):
        chromosomes = chromosomes_of(genome, name)
        negatives = _draw(chromosomes, name, list(rows[name]), selection, counts, number)
        rows[name] |= dict.fromkeys(negatives, 0)
    return assemble("yeast_tata", RECIPE_VERSION, selection, rows, counts)


def last_box(sequence: str) -> int | None:
    """Return where the last TATA box begins, the one nearest to the gene; none if none."""
    starts = [match.start() for match in TATA_BOX.finditer(sequence)]
    return starts[-1] if starts else None


def _draw(
    chromosomes: list[Chromosome],
    split: str,
    positives: list[Window],
    selection: Selection,
    counts: Counter[str],
    number: int,
) -> list[Window]:
    """Find for each positive a window whose last TATA box stands where that of the positive does.

    The TATA boxes of the split's chromosomes are offered in a drawn order, each once.
    """
    before = {
        c.number: count_in_windows(bases_before_genes(c, PROMOTER_BP), PROMOTER_BP)
        for c in chromosomes
    }
    boxes = [box for c in chromosomes for box in _boxes(c)]
    untried = [boxes[i] for i in draw_order(len(boxes), SEED + 1 + number)]
    drawn: list[Window] = []
    for positive in positives:
        wanted = last_box(selection.read(positive))
        assert wanted is not None  # positives are promoters with a box
        for box in list(untried):
            chromosome, place, strand = box
            start = place - wanted if strand > 0 else place + BOX_BP + wanted - PROMOTER_BP
            window = Window(chromosome, start, strand)
            if not 0 <= start < len(before[chromosome]) or before[chromosome][start]:
                continue
            if last_box(selection.read(window)) != wanted:
                continue
            untried.remove(box)
            outcome = selection.offer(window, split, strict=True)
            counts[f"negatives {outcome}"] += 1
            if outcome == "kept":
                drawn.append(window)
                break
        else:
            raise RuntimeError(f"yeast_tata, {split}: no window with a TATA box at {wanted}")
    return drawn


def _boxes(chromosome: Chromosome) -> list[tuple[int, int, int]]:
    """List chromosome, left end and strand of the TATA boxes on both strands."""
    size = len(chromosome.sequence)
    plus = [m.start() for m in TATA_BOX.finditer(chromosome.sequence)]
    minus = [m.start() for m in TATA_BOX.finditer(reverse_complement(chromosome.sequence))]
    return [(chromosome.number, start, 1) for start in plus] + [
        (chromosome.number, size - start - BOX_BP, -1) for start in minus
    ]

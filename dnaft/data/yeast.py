"""Build the packaged task yeast_promoter from the annotated yeast genome.

    python -m dnaft.data.yeast            # write the file into the package
    python -m dnaft.data.yeast --check    # rebuild it and compare byte for byte

Positives are the 300 bases before annotated start codons, negatives are windows of the same
chromosomes, with the same GC content, that touch no such window. docs/yeast.md has the reasons.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnaft.data.packed import SPLITS, PackedWindows, pack_windows, write_packed
from dnaft.data.yeast_genome import RELEASE, Chromosome, read_genome
from dnaft.data.yeast_windows import Selection, Window, draw_order, is_base, random_integers
from dnaft.errors import InputError

ASSETS = Path(__file__).resolve().parents[1] / "assets" / "yeast"
FILE_NAME = "promoter.safetensors"
RECIPE_VERSION = "1"
SEED = 20240229  # of all draws

LENGTH_BP = 300
MAX_CODING_BP = 100  # a third; a window with more is in good part another gene
GC_BIN_BP = 3  # negatives match the positives in bins of 1% GC
SPLIT_BY_CHROMOSOME = {5: "test", 10: "test", 16: "test", 8: "dev", 14: "dev"}  # others: train
HELD_OUT_FIRST = ("test", "dev", "train")  # who may keep a near-identical window


def split_of(chromosome: int) -> str:
    """Return the split of chromosome 1 to 16."""
    return SPLIT_BY_CHROMOSOME.get(chromosome, "train")


def build_promoter(genome: list[Chromosome]) -> PackedWindows:
    """Apply the whole recipe; the counts of what was left out are in the metadata."""
    selection = Selection({c.number: c.sequence for c in genome}, LENGTH_BP)
    counts: Counter[str] = Counter()
    candidates = _promoters(genome, counts)
    for name in HELD_OUT_FIRST:
        windows = [w for w in candidates if split_of(w.chromosome) == name]
        for i in draw_order(len(windows), SEED):
            counts[f"promoters {selection.offer(windows[i], name)}"] += 1
    positives = {name: selection.kept(name) for name in SPLITS}
    for number, name in enumerate(HELD_OUT_FIRST):
        chromosomes = [c for c in genome if split_of(c.number) == name]
        _draw_negatives(chromosomes, name, positives[name], selection, counts, SEED + 1 + number)

    rows: list[tuple[Window, int, bool]] = []
    for name in SPLITS:
        chosen = set(positives[name])
        rows += [(w, SPLITS.index(name), w in chosen) for w in sorted(selection.kept(name))]
    windows = [window for window, _, _ in rows]
    return PackedWindows(
        packed=pack_windows([selection.read(w) for w in windows], LENGTH_BP),
        labels=np.array([label for _, _, label in rows], np.uint8),
        split=np.array([split for _, split, _ in rows], np.uint8),
        chromosome=np.array([w.chromosome for w in windows], np.uint8),
        start=np.array([w.start for w in windows], np.int32),
        strand=np.array([w.strand for w in windows], np.int8),
        length_bp=LENGTH_BP,
        metadata={
            "task": "yeast_promoter",
            "recipe_version": RECIPE_VERSION,
            "genome": RELEASE,
            "seed": str(SEED),
            **{f"count {key}": str(counts[key]) for key in sorted(counts)},
        },
    )


def _promoters(genome: list[Chromosome], counts: Counter[str]) -> list[Window]:
    """List the windows before start codons of genes, by chromosome and place of the gene."""
    windows = []
    for chromosome in genome:
        coding = np.zeros(len(chromosome.sequence), bool)
        genes = [f for f in chromosome.features if f.kind == "CDS"]
        for gene in genes:
            for begin, end in gene.blocks:
                coding[begin:end] = True
        for gene in genes:
            start = gene.upstream(LENGTH_BP)
            counts["coding sequences"] += 1
            if "pseudo" in gene.qualifiers:
                counts["promoters of pseudogenes"] += 1
            elif not 0 <= start <= len(coding) - LENGTH_BP:
                counts["promoters leaving the chromosome"] += 1
            elif coding[start : start + LENGTH_BP].sum() > MAX_CODING_BP:
                counts["promoters with much coding sequence"] += 1
            else:
                windows.append(Window(chromosome.number, start, gene.strand))
    return windows


def _draw_negatives(
    chromosomes: list[Chromosome],
    split: str,
    positives: list[Window],
    selection: Selection,
    counts: Counter[str],
    seed: int,
) -> None:
    """Draw windows until each GC bin holds as many negatives as positives."""
    places, bins = [], []
    for chromosome in chromosomes:
        n = len(chromosome.sequence)
        # Before any gene counts, of whatever kind, also those that gave no positive.
        upstream = np.zeros(n, bool)
        for gene in (f for f in chromosome.features if f.kind in ("gene", "CDS")):
            start = gene.upstream(LENGTH_BP)
            upstream[max(start, 0) : max(start + LENGTH_BP, 0)] = True
        starts = np.flatnonzero(_window_sums(upstream) == 0)
        places.append(np.stack([np.full_like(starts, chromosome.number), starts], axis=1))
        bins.append(_window_sums(is_base(chromosome.sequence, "GC"))[starts] // GC_BIN_BP)
    allowed, gc_bins = np.concatenate(places), np.concatenate(bins)

    wanted = np.zeros(LENGTH_BP // GC_BIN_BP + 1, np.int64)
    for window in positives:
        wanted[is_base(selection.read(window), "GC").sum() // GC_BIN_BP] += 1
    for draw in random_integers(seed, 2 * len(allowed)):
        place, strand = divmod(draw, 2)
        if wanted[gc_bins[place]] == 0:
            continue
        number, start = (int(x) for x in allowed[place])
        outcome = selection.offer(Window(number, start, 1 if strand else -1), split, strict=True)
        counts[f"negatives {outcome}"] += 1
        wanted[gc_bins[place]] -= outcome == "kept"
        if not wanted.any():
            return
    raise RuntimeError(f"yeast_promoter, {split}: too few windows of the wanted GC content")


def _window_sums(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the true places in each window of `LENGTH_BP`."""
    sums = np.zeros(len(mask) + 1, np.int64)
    np.cumsum(mask, out=sums[1:])
    return sums[LENGTH_BP:] - sums[:-LENGTH_BP]


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or with `--check` compare it with the one in `--out`."""
    parser = argparse.ArgumentParser(prog="python -m dnaft.data.yeast", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder of the file")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    path = options.out / FILE_NAME
    try:
        if options.check and not path.is_file():
            raise InputError(f"{path}: no such file to check; leave out --check to build it.")
        windows = build_promoter(read_genome())
        if not options.check:
            options.out.mkdir(parents=True, exist_ok=True)
            write_packed(windows, path)
            print(f"{path}: {len(windows)} windows, sha256 of the columns {windows.sha256()}")
            return 0
        with tempfile.TemporaryDirectory() as folder:
            rebuilt = Path(folder) / FILE_NAME
            write_packed(windows, rebuilt)
            same = rebuilt.read_bytes() == path.read_bytes()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{path}: {'equals' if same else 'DIFFERS from'} what the recipe builds")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

"""How much of the yeast tasks' held-out windows stands in the chromosomes of pretraining.

    python benchmarks/seen_windows.py

A genome repeats itself: chromosomes are held out, but a window of theirs may have a near copy
elsewhere. For each task: windows of dev and test of whose words of 24 bases more than a tenth, or
more than half, occur on either strand of the training chromosomes. Needs `dnaft[genome]`.
"""

import numpy as np
from numpy.typing import NDArray
from runs import ROOT
from tables import table

from dnaft.data.packed import read_packed
from dnaft.data.yeast_genome import read_genome
from dnaft.pretraining.markov import word_numbers, words_by_strand
from dnaft.pretraining.windows import known_stretches
from dnaft.pretraining.yeast import ROMAN
from dnaft.sequence import two_bit_codes

ASSETS = ROOT / "dnaft" / "assets" / "yeast"
WORD_BP = 24  # four to the power of 24 words: none of a million occurs twice by chance
TASKS = ("promoter", "tata", "strand", "orientation", "start", "coding", "features")
HELD_OUT = ("V", "X", "XVI", "VIII", "XIV")
SHARES = (0.1, 0.5)


def words_of(text: str) -> NDArray[np.int64]:
    """Return the words of a text, as numbers, without those that hold an unknown base."""
    codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    found = [
        word_numbers(two_bit_codes(codes[begin:end]), WORD_BP)
        for begin, end in known_stretches(codes)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def training_words() -> NDArray[np.int64]:
    """Return all words of the training chromosomes, both strands, ascending."""
    found = []
    for chromosome in read_genome():
        if ROMAN[chromosome.number - 1] not in HELD_OUT:
            codes = np.frombuffer(chromosome.sequence.encode("ascii"), dtype=np.uint8)
            found += [words for *_, words in words_by_strand(codes, WORD_BP)]
    return np.unique(np.concatenate(found))


def shares_seen(windows: list[str], known: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return of each window the share of its words that are known."""
    shares = np.zeros(len(windows))
    for number, window in enumerate(windows):
        words = words_of(window)
        at = np.searchsorted(known, words).clip(max=len(known) - 1)
        shares[number] = (known[at] == words).mean() if len(words) else 0.0
    return shares


def main() -> None:
    """Print the table."""
    known = training_words()
    heads = [f"{split}, {share:.0%} seen" for split in ("dev", "test") for share in SHARES]
    lines = [["", "windows of dev, test", *heads]]
    for task in TASKS:
        packed = read_packed(ASSETS / f"{task}.safetensors")
        sequences, split = packed.sequences(), np.asarray(packed.split)
        sizes, cells = [], []
        for code in (1, 2):
            seen = shares_seen(
                [s for s, c in zip(sequences, split, strict=True) if c == code], known
            )
            sizes.append(f"{len(seen):,}")
            cells += [f"{int((seen > share).sum()):,}" for share in SHARES]
        lines.append([f"`yeast_{task}`", ", ".join(sizes), *cells])
    print(table(lines))


if __name__ == "__main__":
    main()

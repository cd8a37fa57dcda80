"""The sequence of windows around intervals, cut out of a genome that is read once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dnaft.data.bed import Intervals
from dnaft.data.chromosomes import read_chromosomes
from dnaft.errors import InputError, near, quoted
from dnaft.sequence import reverse_complement

Anchor = Literal["center", "start", "end"]
Outside = Literal["error", "drop", "pad"]

_MOST_SHOWN = 30


@dataclass(frozen=True)
class WindowRule:
    """Which bases are read for an interval.

    Attributes:
        window_bp: Length of the window; the interval as it is if None.
        anchor: What the middle of the window lies on: the middle of the interval, or its first or
            last base, as its strand reads if `stranded`.
        shift_bp: How much further downstream the window lies; upstream if negative.
        stranded: Whether intervals of the strand - are read as reverse complements.
        outside: What becomes of windows that reach over an end of the chromosome: refused, left
            out, or filled up with N.

    Raises:
        ValueError: If the window is empty, or there is none to place.
    """

    window_bp: int | None = None
    anchor: Anchor = "center"
    shift_bp: int = 0
    stranded: bool = False
    outside: Outside = "error"

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.window_bp is not None and self.window_bp < 1:
            raise ValueError(f"window_bp must be 1 or more, got {self.window_bp}")
        if self.window_bp is None and self.anchor != "center":
            raise ValueError(f"anchor={self.anchor} places a window; give window_bp")

    def window(self, start: int, end: int, strand: str) -> tuple[int, int]:
        """Return begin and end, on the plus strand, of the window of an interval.

        The window of a turned interval is the turned window: on the strand -, and if `stranded`,
        everything is mirrored.
        """
        if self.stranded and strand == "-":
            begin, stop = self._forward(-end, -start)
            return -stop, -begin
        return self._forward(start, end)

    def _forward(self, start: int, end: int) -> tuple[int, int]:
        if self.window_bp is None:
            return start + self.shift_bp, end + self.shift_bp
        middle = {"center": (start + end) // 2, "start": start, "end": end - 1}[self.anchor]
        begin = middle - self.window_bp // 2 + self.shift_bp
        return begin, begin + self.window_bp


def cut_windows(
    genome: Path, files: Sequence[Intervals], rule: WindowRule, margin_bp: int
) -> list[list[str | None]]:
    """Return the sequence of each interval's window, in the letters and the case of the genome.

    The genome is read chromosome by chromosome, once for all files.

    Args:
        genome: FASTA or GenBank file, plain or gzipped.
        files: The intervals.
        rule: Which bases are read for an interval.
        margin_bp: How many bases more at either end.

    Returns:
        One list a file, None where a window is left out.

    Raises:
        InputError: If the genome cannot be read, lacks a chromosome or has it twice, or a window
            reaches over its end and may not.
    """
    found: list[list[str | None]] = [[None] * len(intervals) for intervals in files]
    wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, intervals in enumerate(files):
        for row, chrom in enumerate(intervals.chrom):
            wanted[chrom].append((number, row))
    seen: set[str] = set()
    for name, letters in read_chromosomes(genome):
        if name in seen:
            raise InputError(f"{genome}: a second sequence is named {name}; rename one")
        seen.add(name)
        for number, row in wanted.get(name, ()):
            found[number][row] = _cut(letters, files[number], row, rule, margin_bp)
    for name, rows in wanted.items():
        if name not in seen:
            number, row = rows[0]
            known = sorted(seen)
            raise InputError(
                f"{files[number].place(row)}: {genome} has no sequence {quoted(name)}; "
                f"{near(name, known[:_MOST_SHOWN])}"
            )
    return found


def _cut(
    letters: bytes, intervals: Intervals, row: int, rule: WindowRule, margin_bp: int
) -> str | None:
    strand = intervals.strand[row]
    begin, end = rule.window(intervals.start[row], intervals.end[row], strand)
    begin, end = begin - margin_bp, end + margin_bp
    left, right = max(0, -begin), max(0, end - len(letters))
    if left or right:
        if rule.outside == "error":
            more = " with task.source.jitter_bp to either side" if margin_bp else ""
            raise InputError(
                f"{intervals.place(row)}: the window {begin:,} to {end:,}{more} reaches over the "
                f"end of {intervals.chrom[row]}, which has {len(letters):,} bp; set "
                "task.source.outside=drop to leave such rows out, or pad to fill them up with N"
            )
        if rule.outside == "drop":
            return None
    inside = letters[max(0, begin) : max(0, end)].decode("ascii")
    text = "N" * min(left, end - begin) + inside + "N" * min(right, end - begin)
    return reverse_complement(text) if rule.stranded and strand == "-" else text

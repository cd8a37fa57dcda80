"""Splits in a user's own intervals of a genome."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dnaft.data.bed import Intervals, read_bed
from dnaft.data.content import checksum
from dnaft.data.genome_windows import Anchor, Outside, WindowRule, cut_windows
from dnaft.data.given_files import GivenFiles, OwnFiles
from dnaft.data.jitter import Jitter
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import RawRows
from dnaft.errors import InputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BedFiles(OwnFiles):
    """BED files, plain or `.gz`, one a split or one for all, and the genome that they are of.

    Columns are chrom, start, end, name, score, strand, column7, ..., or what a line above them
    says that begins with #.

    Attributes:
        genome: Path of a FASTA or GenBank file, plain or gzipped.
        train: Path of the training rows; relative paths are looked up in the working directory.
        dev: Path of the rows that choose the checkpoint; parted off train by `split` if none.
        test: Path of the rows scored once, at the end.
        file: Instead of the three: path of all rows, parted by `split`.
        background: Instead of labels, beside `file`: path of the intervals of class 0; those of
            `file` are class 1.
        label_columns: One column for a class or one target; one per label or target else.
        species_column: Column with the species of each row, for a tokenizer that has a token for
            each.
        column_names: Names of all columns, if the file does not say them.
        window_bp: Length of what is read around each interval; the interval as it is if None.
        anchor: See `WindowRule`.
        shift_bp: See `WindowRule`.
        stranded: See `WindowRule`.
        outside: See `WindowRule`.
        jitter_bp: In training, windows are shifted by up to so many bases to either side.
        jitter_views: In how many ways: each row has so many shifts, drawn once, and an epoch reads
            one of them.
        jitter_seed: Of these draws; not the seed of the run.
        split: What decides where a row belongs; `column: chrom` parts by chromosome.

    Raises:
        ValueError: If labels or files are missing, or a number is out of range.
    """

    genome: str
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    file: str | None = None
    background: str | None = None
    label_columns: tuple[str, ...] = ()
    species_column: str | None = None
    column_names: tuple[str, ...] = ()
    window_bp: int | None = None
    anchor: Anchor = "center"
    shift_bp: int = 0
    stranded: bool = False
    outside: Outside = "error"
    jitter_bp: int = 0
    jitter_views: int = 8
    jitter_seed: int = 1
    split: SplitRule = field(default_factory=SplitRule)

    def __post_init__(self) -> None:
        """Check files, labels and numbers."""
        _ = self._files, self._rule  # checks them
        if self.background is None and not self.label_columns:
            raise ValueError(
                "label_columns names no column; name one, such as label_columns=[name], or give "
                "the intervals of class 0 as background"
            )
        if self.background is not None and self.label_columns:
            raise ValueError("background gives the labels; set label_columns=[]")
        if self.jitter_bp < 0:
            raise ValueError(f"jitter_bp must be 0 or more, got {self.jitter_bp}")
        _ = self._jitter

    @property
    def _files(self) -> GivenFiles:
        return GivenFiles(self.train, self.dev, self.test, self.file, self.split, self.background)

    @property
    def _rule(self) -> WindowRule:
        return WindowRule(self.window_bp, self.anchor, self.shift_bp, self.stranded, self.outside)

    @property
    def _jitter(self) -> Jitter | None:
        if not self.jitter_bp:
            return None
        return Jitter(self.jitter_bp, self.jitter_views, self.jitter_seed)

    def _read(self, paths: Sequence[Path]) -> list[RawRows]:
        wanted = [("label_columns", name) for name in self.label_columns]
        if self.species_column is not None:
            wanted.append(("species_column", self.species_column))
        if self.split.column not in (None, "chrom"):
            wanted.append(("split.column", str(self.split.column)))
        files = [read_bed(path, wanted, self.column_names) for path in paths]
        genome = Path(self.genome).expanduser()
        margin_bp = self._jitter.bp if self._jitter else 0
        windows = cut_windows(genome, files, self._rule, margin_bp)
        files_used = {str(genome): checksum(genome, str(genome))}
        raws = [self._rows(*both) for both in zip(files, windows, strict=True)]
        return [replace(raw, facts={"files": files_used, **raw.facts}) for raw in raws]

    def _rows(self, intervals: Intervals, texts: list[str | None]) -> RawRows:
        """Return the rows of one file, without those that are left out."""
        if self.stranded and set(intervals.strand) == {"."}:
            raise InputError(
                f"{intervals.where}: no interval has a strand, which task.source.stranded=true "
                "reads; leave it out, or add the sixth column"
            )
        kept = [row for row, text in enumerate(texts) if text is not None]
        left_out = len(texts) - len(kept)
        if left_out:
            log.info(
                "%s: %s of %s windows reach over the end of a chromosome and are left out",
                intervals.where,
                f"{left_out:,}",
                f"{len(texts):,}",
            )
        minus = intervals.strand.count("-")
        if minus and not self.stranded:
            log.info(
                "%s: %s intervals of the strand - are read on the strand +; "
                "task.source.stranded=true reads them as reverse complements",
                intervals.where,
                f"{minus:,}",
            )

        def column(name: str | None) -> list[str] | None:
            if name is None:
                return None
            texts = intervals.chrom if name == "chrom" else intervals.columns[name]
            return [texts[row] for row in kept]

        return RawRows(
            [text for text in texts if text is not None],
            [column(name) or [] for name in self.label_columns],
            [intervals.numbers[row] for row in kept],
            "line",
            intervals.where,
            intervals.sha256,
            species=column(self.species_column),
            groups=column(self.split.column),
            jitter=self._jitter,
            facts={"windows_left_out": left_out} if left_out else {},
        )

"""Splits in a user's own FASTA files."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dnaft.data.fasta_rows import LABEL_BEHIND_BAR, NAME_FIRST, read_fasta
from dnaft.data.given_files import GivenFiles, OwnFiles
from dnaft.data.side_table import SideTable, read_side_table
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import RawRows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FastaFiles(OwnFiles):
    """FASTA files, plain or `.gz`: one a split, or one for all.

    A header is parsed into columns. Labels, species and what parts the rows are columns of the
    header or of a table beside the files.

    Attributes:
        train: Path of the training rows; relative paths are looked up in the working directory.
        dev: Path of the rows that choose the checkpoint; parted off train by `split` if none.
        test: Path of the rows scored once, at the end.
        file: Instead of the three: path of all rows, parted by `split`.
        background: Instead of labels, beside `file`: path of the rows of class 0; those of `file`
            are class 1.
        header_pattern: Regular expression that a whole header, without its >, fits. Each named
            group is a column: `(?P<label>...)`. By default headers end in `|label`; with
            `label_table` or `background`, their first word is the column `id`.
        label_columns: One column for a class or one target; one per label or target else.
        label_table: Table of any format, with the columns that are no group of the header; joined
            by the group `id`.
        id_column: Column of that table with the names of the sequences.
        species_column: Column with the species of each row, for a tokenizer that has a token for
            each.
        split: What decides where a row belongs.

    Raises:
        ValueError: If a column can be nowhere, the pattern is no regular expression, or files are
            missing.
    """

    train: str | None = None
    dev: str | None = None
    test: str | None = None
    file: str | None = None
    background: str | None = None
    header_pattern: str | None = None
    label_columns: tuple[str, ...] = ("label",)
    label_table: str | None = None
    id_column: str = "id"
    species_column: str | None = None
    split: SplitRule = field(default_factory=SplitRule)

    def __post_init__(self) -> None:
        """Check columns and files."""
        _ = self._files  # checks them
        if self.background is None and not self.label_columns:
            raise ValueError("label_columns names no column; give at least one, or background")
        if self.background is not None and self.label_columns:
            raise ValueError("background gives the labels; set label_columns=[]")
        try:
            groups = re.compile(self._pattern).groupindex
        except re.error as error:
            raise ValueError(
                f"header_pattern {self.header_pattern!r} is no regular expression: {error}"
            ) from error
        if self.label_table is None:
            for key, name in self._columns():
                if name not in groups:
                    raise ValueError(
                        f"{key} asks for {name!r}, and header_pattern {self._pattern!r} has no "
                        f"group (?P<{name}>...); add it, or give label_table"
                    )
        elif "id" not in groups:
            raise ValueError("header_pattern needs a group (?P<id>...) to look up in label_table")

    @property
    def _files(self) -> GivenFiles:
        return GivenFiles(self.train, self.dev, self.test, self.file, self.split, self.background)

    @property
    def _pattern(self) -> str:
        if self.header_pattern is not None:
            return self.header_pattern
        labels_elsewhere = self.label_table is not None or self.background is not None
        return NAME_FIRST if labels_elsewhere else LABEL_BEHIND_BAR

    def _columns(self) -> list[tuple[str, str]]:
        """Return the keys that ask for columns, and their names."""
        columns = [("label_columns", name) for name in self.label_columns]
        if self.species_column is not None:
            columns.append(("species_column", self.species_column))
        if self.split.column is not None:
            columns.append(("split.column", self.split.column))
        return columns

    def _side_table(self) -> SideTable | None:
        if self.label_table is None:
            return None
        groups = re.compile(self._pattern).groupindex
        wanted = [(key, name) for key, name in self._columns() if name not in groups]
        return read_side_table(Path(self.label_table).expanduser(), self.id_column, wanted)

    def _read(self, paths: Sequence[Path]) -> list[RawRows]:
        table = self._side_table()
        raws = [
            read_fasta(
                path,
                header_pattern=self._pattern,
                label_columns=self.label_columns,
                species_column=self.species_column,
                group_column=self.split.column,
                table=table,
            )
            for path in paths
        ]
        if table is not None:
            unused = len(table.rows) - sum(len(raw.sequences) for raw in raws)
            if unused > 0:
                log.info("%s: %s rows are of no sequence of these files", table.where, unused)
        return raws

"""Splits in a user's own tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dnaft.data.given_files import GivenFiles, OwnFiles
from dnaft.data.reader import read_rows
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import RawRows
from dnaft.data.tabular import TableFormat


@dataclass(frozen=True)
class TableFiles(OwnFiles):
    """Delimited, parquet or JSON-lines files, plain or `.gz`: one a split, or one for all.

    Attributes:
        train: Path of the training rows; relative paths are looked up in the working directory.
        dev: Path of the rows that choose the checkpoint; parted off train by `split` if none.
        test: Path of the rows scored once, at the end.
        file: Instead of the three: path of all rows, parted by `split`.
        sequence_column: Column with the sequences.
        sequence_b_column: Column with the second sequence of each row, for pairs such as an
            enhancer and a promoter; none for single sequences.
        label_columns: One column for a class or one target; one per label or target else.
        species_column: Column with the species of each row, for a tokenizer that has a token for
            each.
        split: What decides where a row belongs.
        format: By default what the name of a file says: parquet for .parquet and .pq, jsonl for
            .jsonl and .ndjson, else delimited.
        separator: Between the columns of a delimited file; by default a tab for .tsv, .tab and
            .txt, else a comma.
        column_names: Of a delimited file without a header line.

    Raises:
        ValueError: If columns are named twice or not at all, or files are missing.
    """

    train: str | None = None
    dev: str | None = None
    test: str | None = None
    file: str | None = None
    sequence_column: str = "sequence"
    sequence_b_column: str | None = None
    label_columns: tuple[str, ...] = ("label",)
    species_column: str | None = None
    split: SplitRule = field(default_factory=SplitRule)
    format: TableFormat | None = None
    separator: str | None = None
    column_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check columns and files."""
        if not self.label_columns:
            raise ValueError("label_columns names no column; give at least one")
        if self.sequence_b_column == self.sequence_column:
            raise ValueError(
                f"sequence_column and sequence_b_column are both {self.sequence_column!r}; a pair "
                "needs two columns, single sequences need sequence_b_column=null"
            )
        if self.separator is not None and len(self.separator) != 1:
            raise ValueError(f"separator must be one character, got {self.separator!r}")
        _ = self._files  # checks them

    @property
    def _files(self) -> GivenFiles:
        return GivenFiles(self.train, self.dev, self.test, self.file, self.split)

    def _read(self, paths: Sequence[Path]) -> list[RawRows]:
        return [
            read_rows(
                path,
                self.sequence_column,
                self.label_columns,
                sequence_b_column=self.sequence_b_column,
                species_column=self.species_column,
                group_column=self.split.column,
                form=self.format,
                separator=self.separator,
                column_names=self.column_names,
            )
            for path in paths
        ]

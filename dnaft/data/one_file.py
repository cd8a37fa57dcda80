"""Splits cut out of one table of measurements."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dnaft.data.groups import part_by_values
from dnaft.data.source import candidate_folders
from dnaft.data.split import hold_out_rows, part_at_random
from dnaft.data.table import RawRows, RowRules, SequenceTable, build_table
from dnaft.data.tabular import read_columns
from dnaft.errors import InputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OneFile:
    """One file with all rows; splits by a column, such as the chromosome, or at random.

    Attributes:
        file: Below `data_dir`, plain or `.gz`, for example
            yeast_half_life/scerevisiae_sun2013.csv.gz.
        sequence_columns: Columns with the pieces of a sequence, joined in this order.
        label_columns: Columns with the labels or targets.
        column_names: Of a file without a header line.
        separator: Between columns; by default a tab for .tsv, .tab and .txt, else a comma.
        split_column: Column whose values say where a row belongs.
        dev_values: Values of the rows that choose the checkpoint.
        test_values: Values of the rows scored once, at the end; all others are trained on.
        dev_fraction: Without a column: share of dev among all rows.
        test_fraction: Share of test.
        dev_rows: Instead of shares: rows of dev, exactly.
        test_rows: Rows of test, exactly.
        split_seed: Of the random choice; not the seed of the run, so that all runs have the same
            rows.
        label_limits: Rows with a target below the first or above the second are left out.
    """

    file: str
    sequence_columns: tuple[str, ...] = ("sequence",)
    label_columns: tuple[str, ...] = ("label",)
    column_names: tuple[str, ...] = ()
    separator: str | None = None
    split_column: str | None = None
    dev_values: tuple[str, ...] = ()
    test_values: tuple[str, ...] = ()
    dev_fraction: float | None = None
    test_fraction: float | None = None
    dev_rows: int | None = None
    test_rows: int | None = None
    split_seed: int = 1
    label_limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.sequence_columns or not self.label_columns:
            raise ValueError("sequence_columns and label_columns name at least one column each")
        if self.split_column is not None:
            self._check_column()
        else:
            self._check_shares()
        if self.label_limits is not None and not self.label_limits[0] < self.label_limits[1]:
            raise ValueError(f"label_limits must rise, got {list(self.label_limits)}")

    def _check_column(self) -> None:
        if (*self._fractions, *self._counts) != (None,) * 4:
            raise ValueError("split_column excludes dev_fraction, test_fraction and rows")
        if not self.dev_values or not self.test_values:
            raise ValueError("split_column needs dev_values and test_values")
        both = sorted(set(self.dev_values) & set(self.test_values))
        if both:
            raise ValueError(f"{', '.join(both)} stands in dev_values and in test_values")

    def _check_shares(self) -> None:
        by_rows = self._counts != (None, None)
        given, others = self._fractions, self._counts
        if by_rows:
            given, others = others, given
        if None in given or others != (None, None) or self.dev_values or self.test_values:
            raise ValueError(
                "give split_column with dev_values and test_values, dev_fraction with "
                "test_fraction, or dev_rows with test_rows"
            )
        if by_rows and min(n or 0 for n in given) < 1:
            raise ValueError(
                f"dev_rows and test_rows must be 1 or more, got {self.dev_rows} and "
                f"{self.test_rows}"
            )
        shares = [f or 0 for f in given]
        if not by_rows and not (min(shares) > 0 and sum(shares) < 1):  # nan is neither
            raise ValueError(
                "dev_fraction and test_fraction must be above 0 and together below 1, got "
                f"{self.dev_fraction} and {self.test_fraction}"
            )

    @property
    def _fractions(self) -> tuple[float | None, float | None]:
        return self.dev_fraction, self.test_fraction

    @property
    def _counts(self) -> tuple[int | None, int | None]:
        return self.dev_rows, self.test_rows

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the three splits.

        Raises:
            InputError: If the file is missing, a row is wrong, or a split would be empty.
        """
        path = self._locate(rules.task, data_dir)
        wanted = [("sequence_columns", name) for name in self.sequence_columns]
        wanted += [("label_columns", name) for name in self.label_columns]
        if self.split_column is not None:
            wanted.append(("split_column", self.split_column))
        columns, numbers, unit, sha256 = read_columns(
            path, wanted, separator=self.separator, column_names=self.column_names
        )
        pieces = len(self.sequence_columns)
        sequences = ["".join(row) for row in zip(*columns[:pieces], strict=True)]
        labels = columns[pieces : pieces + len(self.label_columns)]
        raw = RawRows(sequences, labels, numbers, unit, str(path), sha256)
        kept = np.flatnonzero(_within(raw, self.label_limits))
        if len(kept) < len(sequences):
            log.info(
                "task %s, %s: %s of %s rows are left out, a target is not within %s",
                rules.task,
                path,
                f"{len(sequences) - len(kept):,}",
                f"{len(sequences):,}",
                list(self.label_limits or ()),
            )
        table = build_table(_take(raw, kept.tolist()), rules)
        if self.split_column is None:
            return self._at_random(table)
        groups = [columns[-1][i].strip() for i in kept]
        return part_by_values(table, self.split_column, groups, self.dev_values, self.test_values)

    def _locate(self, task: str, data_dir: str) -> Path:
        paths = candidate_folders(data_dir, self.file)
        for path in paths:
            if path.is_file():
                return path
        looked = " and no ".join(map(str, paths))
        raise InputError(f"task {task}: no {looked}; set data_dir to the folder with the data")

    def _at_random(self, table: SequenceTable) -> dict[str, SequenceTable]:
        if self.dev_rows is None or self.test_rows is None:
            assert self.dev_fraction is not None  # by __post_init__
            return part_at_random(
                table, self.dev_fraction, self.test_fraction, self.split_seed, stratified=False
            )
        if self.dev_rows + self.test_rows >= len(table):
            raise InputError(
                f"{table.where}: {len(table):,} rows leave none to train on beside "
                f"{self.dev_rows:,} of dev and {self.test_rows:,} of test; lower "
                "task.source.dev_rows or task.source.test_rows"
            )
        rest, test = hold_out_rows(table, self.test_rows, self.split_seed)
        train, dev = hold_out_rows(rest, self.dev_rows, self.split_seed)
        return {"train": train, "dev": dev, "test": test}


def _within(raw: RawRows, limits: tuple[float, float] | None) -> list[bool]:
    """Say of each row whether all its targets are within the limits, or are no numbers."""
    if limits is None:
        return [True] * len(raw.sequences)
    low, high = limits

    def fits(text: str) -> bool:
        try:
            return not (float(text) < low or float(text) > high)
        except ValueError:
            return True  # reported with its line where labels are parsed

    return [all(map(fits, row)) for row in zip(*raw.labels, strict=True)]


def _take(raw: RawRows, rows: list[int]) -> RawRows:
    return replace(
        raw,
        sequences=[raw.sequences[i] for i in rows],
        labels=[[column[i] for i in rows] for column in raw.labels],
        numbers=[raw.numbers[i] for i in rows],
    )

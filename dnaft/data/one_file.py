"""Splits cut out of one table of measurements."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dnaft.data.groups import part_by_values
from dnaft.data.source import candidate_folders
from dnaft.data.split import part_at_random
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
        split_seed: Of the random choice; not the seed of the run, so that all runs have the same
            rows.
        label_limits: Rows with a target below the first or above the second are left out.
        logarithm: Learn the natural logarithm of the targets.
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
    split_seed: int = 1
    label_limits: tuple[float, float] | None = None
    logarithm: bool = False

    def __post_init__(self) -> None:
        if not self.sequence_columns or not self.label_columns:
            raise ValueError("sequence_columns and label_columns name at least one column each")
        fractions = (self.dev_fraction, self.test_fraction)
        if self.split_column is not None:
            if fractions != (None, None):
                raise ValueError("split_column excludes dev_fraction and test_fraction")
            if not self.dev_values or not self.test_values:
                raise ValueError("split_column needs dev_values and test_values")
            both = sorted(set(self.dev_values) & set(self.test_values))
            if both:
                raise ValueError(f"{', '.join(both)} stands in dev_values and in test_values")
        elif None in fractions or self.dev_values or self.test_values:
            raise ValueError(
                "give split_column with dev_values and test_values, or dev_fraction with "
                "test_fraction"
            )
        elif min(f or 0 for f in fractions) <= 0 or sum(f or 0 for f in fractions) >= 1:
            raise ValueError(
                "dev_fraction and test_fraction must be above 0 and together below 1, got "
                f"{self.dev_fraction} and {self.test_fraction}"
            )
        if self.label_limits is not None and not self.label_limits[0] < self.label_limits[1]:
            raise ValueError(f"label_limits must rise, got {list(self.label_limits)}")

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
        if self.logarithm:
            table = _logarithm(table, rules)
        if self.split_column is not None:
            groups = [columns[-1][i].strip() for i in kept]
            return part_by_values(
                table, self.split_column, groups, self.dev_values, self.test_values
            )
        assert self.dev_fraction is not None  # by __post_init__
        return part_at_random(
            table, self.dev_fraction, self.test_fraction, self.split_seed, stratified=False
        )

    def _locate(self, task: str, data_dir: str) -> Path:
        paths = candidate_folders(data_dir, self.file)
        for path in paths:
            if path.is_file():
                return path
        looked = " and no ".join(map(str, paths))
        raise InputError(f"task {task}: no {looked}; set data_dir to the folder with the data")


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


def _logarithm(table: SequenceTable, rules: RowRules) -> SequenceTable:
    values = np.asarray(table.labels, np.float64)
    wrong = np.argwhere(values <= 0)
    if rules.kind != "regression":
        raise InputError(f"task {rules.task}: task.source.logarithm needs task.kind=regression")
    if len(wrong):
        row = int(wrong[0][0])
        raise InputError(
            f"task {rules.task}, {table.place(row)}: target {values[tuple(wrong[0])]} has no "
            "logarithm; leave it out with task.source.label_limits or set "
            "task.source.logarithm=false"
        )
    return replace(table, labels=np.log(values))

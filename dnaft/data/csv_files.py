"""Splits in a user's own delimited files."""

from dataclasses import dataclass
from pathlib import Path

from dnaft.data.reader import read_csv
from dnaft.data.split import hold_out
from dnaft.data.table import RowRules, SequenceTable, build_table
from dnaft.errors import InputError


@dataclass(frozen=True)
class CsvFiles:
    """One delimited file a split, plain or `.gz`, with a header line.

    Attributes:
        train: Path of the training rows; relative paths are looked up in the working directory.
        dev: Path of the rows that choose the checkpoint; none if `dev_fraction` is given.
        test: Path of the rows scored once, at the end.
        sequence_column: Column with the sequences.
        sequence_b_column: Column with the second sequence of each row, for pairs such as an
            enhancer and a promoter; none for single sequences.
        label_columns: One column for a class or one target; one per label or target else.
        separator: Between columns; by default a tab for .tsv, .tab and .txt, else a comma.
        dev_fraction: Without a dev file: share of the training rows that becomes dev, rounded
            up; each class gives its share.
        split_seed: Seed of that choice; not the seed of the run, so that all runs have the same
            dev rows.
    """

    train: str
    test: str
    dev: str | None = None
    sequence_column: str = "sequence"
    sequence_b_column: str | None = None
    label_columns: tuple[str, ...] = ("label",)
    separator: str | None = None
    dev_fraction: float | None = None
    split_seed: int = 1

    def __post_init__(self) -> None:
        if not self.label_columns:
            raise ValueError("label_columns names no column; give at least one")
        if self.sequence_b_column == self.sequence_column:
            raise ValueError(
                f"sequence_column and sequence_b_column are both {self.sequence_column!r}; a pair "
                "needs two columns, single sequences need sequence_b_column=null"
            )
        if self.separator is not None and len(self.separator) != 1:
            raise ValueError(f"separator must be one character, got {self.separator!r}")
        if self.dev is None and self.dev_fraction is None:
            raise ValueError(
                "dev is required, it chooses the checkpoint; give a file, or set dev_fraction "
                "(0.15, say) to hold rows out of train"
            )
        if self.dev is not None and self.dev_fraction is not None:
            raise ValueError("dev and dev_fraction exclude each other; give one of them")
        if self.dev_fraction is not None and not 0 < self.dev_fraction < 1:
            raise ValueError(f"dev_fraction must lie between 0 and 1, got {self.dev_fraction}")

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the three splits; `data_dir` has no part in it.

        Raises:
            InputError: If a file is missing, named for two splits, or a row is wrong.
        """
        self._refuse_shared_files(rules.task)
        train = self._table(self.train, rules)
        if self.dev is not None:
            dev = self._table(self.dev, rules)
        else:
            assert self.dev_fraction is not None  # by __post_init__
            train, dev = hold_out(train, self.dev_fraction, self.split_seed, stratified=True)
        return {"train": train, "dev": dev, "test": self._table(self.test, rules)}

    def _table(self, path: str, rules: RowRules) -> SequenceTable:
        raw = read_csv(
            Path(path).expanduser(),
            self.sequence_column,
            self.label_columns,
            sequence_b_column=self.sequence_b_column,
            separator=self.separator,
        )
        return build_table(raw, rules)

    def _refuse_shared_files(self, task: str) -> None:
        named: dict[Path, str] = {}
        for split, file in (("train", self.train), ("dev", self.dev), ("test", self.test)):
            if file is None:
                continue
            path = Path(file).expanduser().resolve()
            if path in named:
                raise InputError(
                    f"task {task}: task.source.{split} and task.source.{named[path]} are the "
                    f"same file {file}; give each split its own rows"
                )
            named[path] = split

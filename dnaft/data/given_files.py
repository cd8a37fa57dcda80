"""The files of a user: one a split, or fewer that a rule parts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dnaft.data.source import SPLITS
from dnaft.data.split_rule import SplitRule
from dnaft.data.table import RawRows, RowRules, SequenceTable, build_table
from dnaft.errors import InputError

Read = Callable[[Sequence[Path]], list[RawRows]]


@dataclass(frozen=True)
class GivenFiles:
    """Which file holds which rows.

    Attributes:
        train: Path of the training rows; relative paths are looked up in the working directory.
        dev: Path of the rows that choose the checkpoint; parted off train by `split` if none.
        test: Path of the rows scored once, at the end.
        file: Instead of the three: path of all rows, parted by `split`.
        background: Beside `file`: path of the rows of class 0. All rows of `file` are class 1.
        split: What decides where a row belongs.

    Raises:
        ValueError: If files are missing or too many, or `split` does not say how to part them.
    """

    train: str | None
    dev: str | None
    test: str | None
    file: str | None
    split: SplitRule
    background: str | None = None

    def __post_init__(self) -> None:
        """Check that each split has its rows."""
        if self.background is not None and self.file is None:
            raise ValueError("background holds the class 0 of a task whose class 1 is in file")
        by = self.split.by
        if self.file is not None:
            if self.train or self.dev or self.test:
                raise ValueError("file holds the rows of all splits; leave out train, dev and test")
            if by == "files":
                raise ValueError(
                    "file holds all rows; say how to part them with split.by=random, column, "
                    "group or similarity"
                )
            self.split.check_shares(test=True)
            return
        if self.train is None or self.test is None:
            raise ValueError("give train, dev and test, a file each, or one file with all rows")
        if self.dev is None and by == "files":
            raise ValueError(
                "dev is required, it chooses the checkpoint; give a file, or hold rows out of "
                "train with split.by=random split.dev_fraction=0.15"
            )
        if self.dev is not None and by != "files":
            raise ValueError(
                f"each split has a file of its own, so split.by={by} has no part; leave out dev "
                "or split.by"
            )
        if by != "files":
            self.split.check_shares(test=False)

    def load(self, read: Read, rules: RowRules) -> dict[str, SequenceTable]:
        """Return the three splits.

        Args:
            read: Reads files of one format.
            rules: What every row must look like.

        Raises:
            InputError: If a file is named for two splits, a row is wrong, or a split would be
                empty.
        """
        self.split.check_available()
        self._refuse_shared_files(rules.task)
        if self.file is not None:
            return _shift_train_only(self.split.part(self._all_rows(read, rules)))
        named = {split: getattr(self, split) for split in SPLITS if getattr(self, split)}
        raws = read([Path(file).expanduser() for file in named.values()])
        tables = {split: build_table(raw, rules) for split, raw in zip(named, raws, strict=True)}
        if self.dev is None:
            tables |= self.split.part(tables["train"])
        return _shift_train_only(tables)

    def _all_rows(self, read: Read, rules: RowRules) -> SequenceTable:
        files = [file for file in (self.file, self.background) if file is not None]
        rows, *background = read([Path(file).expanduser() for file in files])
        return build_table(_join(rows, background[0]) if background else rows, rules)

    def _refuse_shared_files(self, task: str) -> None:
        named: dict[Path, str] = {}
        for key in (*SPLITS, "file", "background"):
            file = getattr(self, key)
            if file is None:
                continue
            path = Path(file).expanduser().resolve()
            if path in named:
                raise InputError(
                    f"task {task}: task.source.{key} and task.source.{named[path]} are the "
                    f"same file {file}; give each split its own rows"
                )
            named[path] = key


def _shift_train_only(tables: dict[str, SequenceTable]) -> dict[str, SequenceTable]:
    plain = {s: replace(tables[s], wide=None, jitter=None) for s in ("dev", "test")}
    return {"train": tables["train"], **plain}


def _join(rows: RawRows, background: RawRows) -> RawRows:
    """Return both as one table: the first ones of class 1, the second ones of class 0."""
    parts = (rows, background)
    for part in parts:
        if not part.sequences:
            raise InputError(f"{part.where}: the file holds no sequences")

    def joined(column: str) -> list[str] | None:
        texts = [getattr(part, column) for part in parts]
        return None if None in texts else texts[0] + texts[1]

    files = {**rows.facts.get("files", {}), background.where: background.sha256}
    return replace(
        rows,
        sequences=rows.sequences + background.sequences,
        labels=[["1"] * len(rows.sequences) + ["0"] * len(background.sequences)],
        numbers=rows.numbers + background.numbers,
        species=joined("species"),
        groups=joined("groups"),
        files=[part.where for part in parts for _ in part.sequences],
        facts={**rows.facts, "files": files},
    )


class OwnFiles(ABC):
    """A source in files that the user names, whatever their format."""

    @property
    @abstractmethod
    def _files(self) -> GivenFiles:
        """Which file holds which rows."""

    @abstractmethod
    def _read(self, paths: Sequence[Path]) -> list[RawRows]:
        """Read files of the format, together."""

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the three splits; `data_dir` has no part in it.

        Raises:
            InputError: If a file is missing, named for two splits, or a row is wrong.
        """
        return self._files.load(self._read, rules)

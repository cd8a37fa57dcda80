"""Splits read for inspection: what is here is read, what is wrong is collected, not raised."""

from dataclasses import dataclass
from pathlib import Path

from dnaft.data.csv_folder import CsvFolder
from dnaft.data.fasta_folder import FastaFolder
from dnaft.data.source import SPLITS
from dnaft.data.table import SequenceTable
from dnaft.data.task import Task
from dnaft.errors import InputError


@dataclass(frozen=True)
class Reading:
    """What a task's data were found to be.

    Attributes:
        tables: The splits that could be read, in the order train, dev, test; targets of a
            regression as the file has them.
        problems: What is missing, cannot be read, or differs from what the task asserts.
    """

    tables: dict[str, SequenceTable]
    problems: tuple[str, ...] = ()

    @property
    def absent(self) -> bool:
        """Whether there is nothing at all."""
        return not self.tables and not self.problems


def read_splits(task: Task, data_dir: str) -> Reading:
    """Read the splits that are here, in `data_dir`, the hub's cache or where the task says.

    The hub is not asked.

    Args:
        task: What to read.
        data_dir: The folder with the benchmarks.
    """
    problems: list[str] = []
    tables: dict[str, SequenceTable] = {}
    source = task.source
    if isinstance(source, CsvFolder | FastaFolder):
        files = source.at_hand(data_dir)
        if not files:
            return Reading({})
        names = source.local_files()
        folder = next(iter(files.values())).parent
        problems += [
            f"task {task.name}: {folder} has no {name}; add it"
            for split, name in names.items()
            if split not in files
        ]
    try:
        if isinstance(source, CsvFolder):
            for split, path in files.items():
                _read_one(task, source, path, split, tables, problems)
        elif not problems:
            tables |= source.load(task.rules, data_dir)
    except InputError as error:
        problems.append(str(error))
    for split, table in tables.items():
        try:
            task.check(split, table)
        except InputError as error:
            problems.append(str(error))
        problems += _compare_checksum(task, split, table)
    return Reading({s: tables[s] for s in SPLITS if s in tables}, tuple(problems))


def checksum_state(task: Task, split: str, table: SequenceTable) -> str:
    """Say how a file compares with the published one, in a few words."""
    expected = (task.sha256 or {}).get(split)
    if expected is None:
        return "no published checksum known"
    if expected == table.sha256:
        return "as published"
    return "another format" if table.where.endswith(".parquet") else "differs"


def _read_one(
    task: Task,
    source: CsvFolder,
    path: Path,
    split: str,
    tables: dict[str, SequenceTable],
    problems: list[str],
) -> None:
    try:
        tables[split] = source.read(path, task.rules)
    except InputError as error:
        problems.append(str(error))


def _compare_checksum(task: Task, split: str, table: SequenceTable) -> list[str]:
    if checksum_state(task, split, table) != "differs":
        return []
    return [
        f"task {task.name}, {table.where}: its sha256 begins {table.sha256[:12]}, that of the "
        f"published file {(task.sha256 or {})[split][:12]}; get it anew, or drop the check with "
        "task.sha256=null"
    ]

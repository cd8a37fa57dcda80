"""Where the files of a benchmark are taken from: the hub, or an archive that a user has."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from dnaft.data.csv_folder import CsvFolder
from dnaft.data.fasta_folder import FastaFolder
from dnaft.data.reader import read_parquet
from dnaft.data.task import Task
from dnaft.data_tools.archive import Archive
from dnaft.errors import InputError
from dnaft.hub import fetch


class Supply(Protocol):
    """Has the files of tasks."""

    def holds(self, task: Task) -> list[str]:
        """Return the names of a task's files that can be had, such as train.csv."""
        ...

    def write(self, task: Task, name: str, target: Path) -> None:
        """Write one of them to a path.

        Raises:
            InputError: If it cannot be had.
        """
        ...


class HubSupply:
    """The hub, its cache first. A parquet file is written in the layout that the folder has."""

    def holds(self, task: Task) -> list[str]:
        """Return the names of all files of a task: what the hub lacks is seen when it is asked."""
        return list(files_of(task).local_files().values())

    def write(self, task: Task, name: str, target: Path) -> None:
        """Fetch a file.

        Raises:
            InputError: If the hub has it not, or cannot be reached.
        """
        source = files_of(task)
        if source.hub_repo is None:
            raise InputError(f"task {task.name}: is on no hub")
        split = next(s for s, local in source.local_files().items() if local == name)
        # As published, where there is a choice.
        files = sorted(source.hub_names()(split), key=lambda file: file.endswith(".parquet"))
        found = fetch(source.hub_repo, files, "dataset")
        if found.suffix != ".parquet":
            shutil.copyfile(found, target)
            return
        rows = read_parquet(found, "sequence", ["label"])
        with target.open("w", encoding="utf-8", newline="") as file:
            if target.suffix == ".csv":
                lines = csv.writer(file, lineterminator="\n")
                lines.writerow(["sequence", "label"])
                lines.writerows(zip(rows.sequences, rows.labels[0], strict=True))
            else:
                for number, (sequence, label) in enumerate(
                    zip(rows.sequences, rows.labels[0], strict=True)
                ):
                    file.write(f">{number}|{label}\n{sequence}\n")


class ArchiveSupply:
    """A zip archive in the benchmark's own layout, below any folder.

    Raises:
        InputError: If it holds nothing of the benchmark, or a file twice.
    """

    def __init__(self, archive: Archive, tasks: Sequence[Task]) -> None:
        self._archive = archive
        wanted = {}
        for task in tasks:
            source = files_of(task)
            inner = PurePosixPath(*PurePosixPath(source.folder).parts[1:])
            for name in source.local_files().values():
                wanted[inner / name] = f"{task.name}/{name}"
        self._names = self._archive.find(wanted)
        if not self._names:
            first = next(iter(wanted))
            raise InputError(
                f"file: {archive.path} holds no file such as {first}; give the benchmark's own "
                "archive"
            )

    def holds(self, task: Task) -> list[str]:
        """Return the names of a task's files in the archive."""
        names = files_of(task).local_files().values()
        return [name for name in names if f"{task.name}/{name}" in self._names]

    def write(self, task: Task, name: str, target: Path) -> None:
        """Unpack a file.

        Raises:
            InputError: If it is damaged.
        """
        self._archive.extract(self._names[f"{task.name}/{name}"], target)


def files_of(task: Task) -> CsvFolder | FastaFolder:
    """Return the source of a task of a benchmark."""
    source = task.source
    if not isinstance(source, CsvFolder | FastaFolder):
        raise InputError(f"task {task.name}: its data are no folder of files")
    return source

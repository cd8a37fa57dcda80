"""Splits in one folder of csv files, GUE's layout, or from the hub."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dnaft.data.reader import read_csv, read_parquet
from dnaft.data.source import SPLITS, candidate_folders
from dnaft.data.table import RawRows, RowRules, SequenceTable, build_table
from dnaft.errors import InputError
from dnaft.hub import HubError, fetch, find_any_cached


@dataclass(frozen=True)
class CsvFolder:
    """`train.csv`, `dev.csv` and `test.csv` in one folder, else the same data set on the hub.

    A folder with some of the three files is an error: no other file is put in place of a
    missing one, and splits of two origins are never mixed.

    Attributes:
        folder: Below `data_dir`, for example GUE/prom/prom_300_tata.
        hub_repo: Data set on the hub, `owner/name`; none if it is on no hub.
        hub_config: What `{config}` stands for in `hub_files`.
        hub_files: Where the hub has a split: alternatives, each `path` or `revision@path`, with
            `{config}` and, for its name, `{split}`.
        sequence_column: Column with the sequences.
        label_columns: Columns with the labels.
    """

    folder: str
    hub_repo: str | None = None
    hub_config: str = ""
    hub_files: tuple[str, ...] = ()
    sequence_column: str = "sequence"
    label_columns: tuple[str, ...] = ("label",)

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the three splits.

        Raises:
            InputError: If they are found in no place, one of them is missing, or a row is wrong.
        """
        folders = candidate_folders(data_dir, self.folder)
        paths = locate_splits(
            rules.task, folders, self.local_files(), self.hub_repo, self.hub_names()
        )
        return {split: self.read(path, rules) for split, path in paths.items()}

    def at_hand(self, data_dir: str) -> dict[str, Path]:
        """Return the files of the splits that are here, without asking the hub."""
        folders = candidate_folders(data_dir, self.folder)
        return find_present(folders, self.local_files(), self.hub_repo, self.hub_names())

    def local_files(self) -> dict[str, str]:
        """Return the name of each split's file."""
        return {split: f"{split}.csv" for split in SPLITS}

    def hub_names(self) -> Callable[[str], list[str]]:
        """Return a function from a split to its alternative names on the hub."""
        return hub_names(self.hub_files, self.hub_config)

    def read(self, path: Path, rules: RowRules) -> SequenceTable:
        """Return the table of one file, csv or parquet.

        Raises:
            InputError: If the file or a row is wrong.
        """
        return build_table(self._read(path), rules)

    def _read(self, path: Path) -> RawRows:
        if path.suffix == ".parquet":
            return read_parquet(path, self.sequence_column, self.label_columns)
        return read_csv(path, self.sequence_column, self.label_columns)


def hub_names(files: tuple[str, ...], config: str) -> Callable[[str], list[str]]:
    """Return a function from a split to its alternative names on the hub."""
    return lambda split: [file.format(config=config, split=split) for file in files]


def locate_splits(
    task: str,
    folders: list[Path],
    files: dict[str, str],
    hub_repo: str | None,
    hub_files: Callable[[str], list[str]],
) -> dict[str, Path]:
    """Return the file of each split: from the first folder that has one of them, else the hub.

    Args:
        task: Name of the task, for messages.
        folders: Looked into in this order.
        files: File name of each split.
        hub_repo: Data set on the hub, if there is one.
        hub_files: The alternative names of a split there.

    Raises:
        InputError: If a file is missing, or nothing is found in any place.
    """
    for folder in folders:
        present = [name for name in files.values() if (folder / name).is_file()]
        missing = [name for name in files.values() if name not in present]
        if present and missing:
            raise InputError(
                f"task {task}: {folder} has {' and '.join(present)} but not "
                f"{' and '.join(missing)}; add the missing file"
                f"{_or_hub(hub_repo)}. No other file is used in its place"
            )
        if present:
            return {split: folder / name for split, name in files.items()}
    looked = " and ".join(map(str, folders))
    if hub_repo is None:
        raise InputError(f"task {task}: no data in {looked}; set data_dir to the folder with them")
    try:
        return {split: fetch(hub_repo, hub_files(split), "dataset") for split in files}
    except HubError as error:
        raise InputError(
            f"task {task}: no data. Looked in {looked} (data_dir), then on the hub: {error}. "
            f"Ways to get the data: put {', '.join(files.values())} into one of these folders; "
            "or set data_dir to a folder that has them; or run once with network, which stores "
            f"the data set {hub_repo} in the hub's cache (HF_HOME) for later runs without"
        ) from error


def find_present(
    folders: list[Path],
    files: dict[str, str],
    hub_repo: str | None,
    hub_files: Callable[[str], list[str]],
) -> dict[str, Path]:
    """Return the files that `locate_splits` would use, as far as they are here: no network.

    Args:
        folders: Looked into in this order.
        files: File name of each split.
        hub_repo: Data set on the hub, whose local cache is looked into, if there is one.
        hub_files: The alternative names of a split there.
    """
    for folder in folders:
        present = {split: folder / name for split, name in files.items()}
        present = {split: path for split, path in present.items() if path.is_file()}
        if present:
            return present
    if hub_repo is None:
        return {}
    cached = {split: find_any_cached(hub_repo, hub_files(split), "dataset") for split in files}
    return {split: path for split, path in cached.items() if path is not None}


def _or_hub(hub_repo: str | None) -> str:
    if hub_repo is None:
        return ""
    return f", or move the folder away to have all splits fetched from the hub ({hub_repo})"

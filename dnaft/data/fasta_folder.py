"""Splits in FASTA files with labels in the headers: the Nucleotide Transformer's tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dnaft.data.csv_folder import find_present, hub_names, locate_splits
from dnaft.data.fasta_rows import read_fasta
from dnaft.data.reader import read_parquet
from dnaft.data.source import candidate_folders
from dnaft.data.split import hold_out
from dnaft.data.table import RawRows, RowRules, SequenceTable, build_table


@dataclass(frozen=True)
class FastaFolder:
    """`train.fna` and `test.fna` in one folder, else the same data set on the hub.

    Headers are `>name|label`. There is no dev file: dev is held out of train at random. The hub may
    have parquet files instead, with the columns `sequence` and `label`.

    Attributes:
        folder: Below `data_dir`, for example nucleotide_transformer_downstream_tasks/enhancers.
        hub_repo: Data set on the hub, `owner/name`; none if it is on no hub.
        hub_config: What `{config}` stands for in `hub_files`.
        hub_files: Where the hub has a split: alternatives, each `path` or `revision@path`, with
            `{config}` and, for its name, `{split}`.
        dev_fraction: Share of the rows of train.fna that is held out, rounded up.
        held_out: What these rows become. `test` turns the files round: test.fna is then dev.
        split_seed: Seed of that choice; not the seed of the run, so that all runs have the same
            dev rows.
    """

    folder: str
    hub_repo: str | None = None
    hub_config: str = ""
    hub_files: tuple[str, ...] = ()
    dev_fraction: float = 0.15
    held_out: Literal["dev", "test"] = "dev"
    split_seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.dev_fraction < 1:
            raise ValueError(f"dev_fraction must lie between 0 and 1, got {self.dev_fraction}")
        if self.held_out not in ("dev", "test"):
            raise ValueError(f"held_out must be dev or test, got {self.held_out!r}")

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the two splits of the files and the one held out of train.

        Raises:
            InputError: If they are found in no place, one of them is missing, or a row is wrong.
        """
        folders = candidate_folders(data_dir, self.folder)
        paths = locate_splits(
            rules.task, folders, self.local_files(), self.hub_repo, self.hub_names()
        )
        whole = build_table(_read(paths["train"]), rules)
        train, part = hold_out(whole, self.dev_fraction, self.split_seed, stratified=False)
        other = build_table(_read(paths["test"]), rules)
        dev, test = (part, other) if self.held_out == "dev" else (other, part)
        return {"train": train, "dev": dev, "test": test}

    def at_hand(self, data_dir: str) -> dict[str, Path]:
        """Return the files that are here, train and test, without asking the hub."""
        folders = candidate_folders(data_dir, self.folder)
        return find_present(folders, self.local_files(), self.hub_repo, self.hub_names())

    def local_files(self) -> dict[str, str]:
        """Return the names of the two files."""
        return {"train": "train.fna", "test": "test.fna"}

    def hub_names(self) -> Callable[[str], list[str]]:
        """Return a function from a file, train or test, to its alternative names on the hub."""
        return hub_names(self.hub_files, self.hub_config)


def _read(path: Path) -> RawRows:
    if path.suffix == ".parquet":
        return read_parquet(path, "sequence", ["label"])
    return read_fasta(path)

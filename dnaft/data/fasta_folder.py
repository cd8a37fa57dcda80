"""Splits in FASTA files with labels in the headers: the Nucleotide Transformer's tasks."""

from dataclasses import dataclass

from dnaft.data.csv_folder import hub_names, locate_splits
from dnaft.data.fasta_rows import read_fasta
from dnaft.data.source import candidate_folders
from dnaft.data.split import hold_out
from dnaft.data.table import RowRules, SequenceTable, build_table


@dataclass(frozen=True)
class FastaFolder:
    """`train.fna` and `test.fna` in one folder, else the same data set on the hub.

    Headers are `>name|label`. There is no dev file: dev is held out of train at random.

    Attributes:
        folder: Below `data_dir`, for example nucleotide_transformer_downstream_tasks/enhancers.
        hub_repo: Data set on the hub, `owner/name`; none if it is on no hub.
        hub_config: What `{config}` stands for in `hub_files`.
        hub_files: Where the hub has a split: alternatives, each `path` or `revision@path`, with
            `{config}` and, for its name, `{split}`.
        dev_fraction: Share of the rows of train.fna that becomes dev, rounded up.
        split_seed: Seed of that choice; not the seed of the run, so that all runs have the same
            dev rows.
    """

    folder: str
    hub_repo: str | None = None
    hub_config: str = ""
    hub_files: tuple[str, ...] = ()
    dev_fraction: float = 0.15
    split_seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.dev_fraction < 1:
            raise ValueError(f"dev_fraction must lie between 0 and 1, got {self.dev_fraction}")

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the two splits of the files and the dev split held out of train.

        Raises:
            InputError: If they are found in no place, one of them is missing, or a row is wrong.
        """
        paths = locate_splits(
            rules.task,
            candidate_folders(data_dir, self.folder),
            {"train": "train.fna", "test": "test.fna"},
            self.hub_repo,
            hub_names(self.hub_files, self.hub_config),
        )
        whole = build_table(read_fasta(paths["train"]), rules)
        train, dev = hold_out(whole, self.dev_fraction, self.split_seed, stratified=False)
        return {"train": train, "dev": dev, "test": build_table(read_fasta(paths["test"]), rules)}

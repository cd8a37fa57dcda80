"""Splits in a store, see `dnaft.data.store`."""

from dataclasses import dataclass

from dnaft.data.source import SPLITS, candidate_folders
from dnaft.data.store import MANIFEST, Store, open_store
from dnaft.data.stored_table import StoredTable
from dnaft.data.table import RowRules, SequenceTable
from dnaft.errors import InputError


@dataclass(frozen=True)
class StoreSource:
    """A store that `python -m dnaft.data prepare` made.

    Fine-tuning reads it a batch at a time (`open`); whatever wants whole tables gets them as long
    as they fit into memory (`load`).

    Attributes:
        folder: Below `data_dir`.
        collection: What the store was made from, asserted.
        label_range: The first label that is one of the task, and the one behind the last; all if
            not given.
    """

    folder: str
    collection: str
    label_range: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.label_range is not None and not 0 <= self.label_range[0] < self.label_range[1]:
            raise ValueError(f"label_range must rise from 0 or more, got {list(self.label_range)}")

    def open(self, rules: RowRules, data_dir: str) -> dict[str, StoredTable]:
        """Return the three splits; no row is read.

        Raises:
            InputError: If there is no store, or it has other splits, labels or letters.
        """
        if rules.kind != "multilabel":
            raise InputError(
                f"task {rules.task}: a store has yes/no labels and task.kind is {rules.kind}; set "
                "task.kind=multilabel"
            )
        store = self._open(rules.task, data_dir)
        missing = [split for split in SPLITS if split not in store.splits]
        if missing:
            raise InputError(f"{store.folder}: no split {', '.join(missing)}; prepare it again")
        tables = {}
        for name in SPLITS:
            split = store.splits[name]
            first, end = self.label_range or (0, split.labels)
            if end > split.labels or end - first != rules.outputs:
                raise InputError(
                    f"task {rules.task}, {split.where}: labels {first} to {end - 1} of "
                    f"{split.labels} are to be {rules.outputs}; correct task.source.label_range "
                    "or task.outputs"
                )
            if split.unknown_rows and "N" not in rules.alphabet:
                raise InputError(
                    f"task {rules.task}, {split.where}: {split.unknown_rows:,} rows hold unknown "
                    f"bases, N, which task.alphabet={rules.alphabet} lacks; set "
                    "task.alphabet=ACGTN"
                )
            tables[name] = StoredTable(split, first, end - first)
        return tables

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the three splits, whole.

        Raises:
            InputError: As `open`, and if a split takes more memory than 4 GiB.
        """
        return {name: table.whole() for name, table in self.open(rules, data_dir).items()}

    def read_label_names(self, task: str, data_dir: str) -> tuple[str, ...]:
        """Return the names of the labels of the task, none if the store does not know them.

        Raises:
            InputError: If there is no store.
        """
        names = self._open(task, data_dir).label_names
        return names if self.label_range is None else names[slice(*self.label_range)]

    def _open(self, task: str, data_dir: str) -> Store:
        folders = candidate_folders(data_dir, self.folder)
        found = [folder for folder in folders if (folder / MANIFEST).is_file()]
        if not found:
            raise InputError(
                f"task {task}: no store in {' or '.join(map(str, folders))}. Make it from the "
                f"published files with: python -m dnaft.data prepare {self.collection} "
                f"src=FOLDER out={folders[0]}; set data_dir if it lies elsewhere"
            )
        store = open_store(found[0])
        if store.collection != self.collection:
            raise InputError(
                f"{found[0]}: a store of {store.collection}, task.source.collection is "
                f"{self.collection}; give another task.source.folder"
            )
        return store

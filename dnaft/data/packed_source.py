"""Splits that come with the package."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dnaft.data.packed import SPLITS, read_packed
from dnaft.data.table import RawRows, RowRules, SequenceTable, build_table
from dnaft.errors import InputError

ASSETS = Path(__file__).resolve().parents[1] / "assets"


@dataclass(frozen=True)
class PackedSource:
    """A packed-window file, all three splits in one.

    Attributes:
        file: Path of the file; a relative one is looked up in the package's assets.
        label_names: For several yes/no labels a row: their names in the order of the outputs,
            asserted.
    """

    file: str
    label_names: tuple[str, ...] = ()

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the three splits; `data_dir` has no part in it.

        Raises:
            InputError: If the file is missing or damaged, has other labels, or a row is wrong.
        """
        path = ASSETS / Path(self.file).expanduser()
        windows = read_packed(path)
        if windows.label_names != tuple(self.label_names):
            raise InputError(
                f"task {rules.task}, {path}: the labels are {_listed(windows.label_names)}, "
                f"task.source.label_names says {_listed(self.label_names)}; correct it"
            )
        sequences = windows.sequences()
        sha256 = windows.sha256()
        tables = {}
        for code, split in enumerate(SPLITS):
            rows = np.flatnonzero(windows.split == code)
            raw = RawRows(
                sequences=[sequences[i] for i in rows],
                labels=[list(map(str, c)) for c in np.atleast_2d(windows.labels[rows].T)],
                numbers=[int(i) + 1 for i in rows],
                unit="row",
                where=f"{path} ({split})",
                sha256=sha256,
            )
            tables[split] = build_table(raw, rules)
        return tables


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "classes without names"

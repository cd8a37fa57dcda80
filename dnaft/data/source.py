"""What every source of splits offers, and how folders of data are found."""

from pathlib import Path
from typing import Protocol

from dnaft.data.table import RowRules, SequenceTable

SPLITS = ("train", "dev", "test")


class Source(Protocol):
    """Knows where the splits of a task lie and in which format."""

    def load(self, rules: RowRules, data_dir: str) -> dict[str, SequenceTable]:
        """Return the tables train, dev and test.

        Args:
            rules: What every row must look like.
            data_dir: The folder with the benchmarks.

        Raises:
            InputError: If a split cannot be found or a row is wrong.
        """
        ...


def candidate_folders(data_dir: str, folder: str) -> list[Path]:
    """Return where a benchmark's folder may lie.

    In `data_dir`, or with `data_dir` being the benchmark itself: GUE/prom/prom_300_tata is found
    as data_dir/GUE/prom/prom_300_tata and data_dir/prom/prom_300_tata.
    """
    base = Path(data_dir).expanduser()
    inner = Path(*Path(folder).parts[1:])
    return [base / folder, base / inner] if inner.parts else [base / folder]

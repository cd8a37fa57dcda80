"""How a user's rows are parted into train, dev and test."""

import logging
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dnaft.data.groups import part_by_groups, part_by_values
from dnaft.data.similarity import check_available, cluster
from dnaft.data.split import part_at_random
from dnaft.data.table import SequenceTable

log = logging.getLogger(__name__)

By = Literal["files", "column", "random", "group", "similarity"]

_PREFIX = "split."
_LEAST_SIMILARITY = 0.1
_K_RANGE = (4, 16)


@dataclass(frozen=True)
class SplitRule:
    """What decides where a row belongs.

    Attributes:
        by: `files`: the file that it is in. `column`: its value in `column`. `random`: chance.
            `group`: chance, but rows of one value in `column` stay together. `similarity`: chance,
            but rows whose sequences are alike stay together.
        column: Column with a chromosome, a family, the name of the split, ...
        dev_values: With `column`: values of the rows that choose the checkpoint.
        test_values: With `column`: values of the rows scored once, at the end; all others are
            trained on.
        dev_fraction: Else: share of dev among all rows.
        test_fraction: Else: share of test among all rows.
        stratified: With `random`: each class gives its share. Rows without a single class are
            drawn alike.
        seed: Of the random choice; not the seed of the run, so that all runs have the same rows.
        similarity: With `similarity`: two sequences are alike if of the k-mers of both, either
            strand, this share is in both (the Jaccard index). Clusters are all that hangs
            together: see `dnaft.data.similarity`.
        similarity_k: Bases of such a k-mer.

    Raises:
        ValueError: If a value is missing, out of range, or has no part in what decides.
    """

    by: By = "files"
    column: str | None = None
    dev_values: tuple[str, ...] = ()
    test_values: tuple[str, ...] = ()
    dev_fraction: float | None = None
    test_fraction: float | None = None
    stratified: bool = True
    seed: int = 1
    similarity: float = 0.5
    similarity_k: int = 11

    def __post_init__(self) -> None:
        """Check that what is given has a part in what decides."""
        reads_column = self.by in ("column", "group")
        if self.column is None and reads_column:
            raise ValueError(f"by={self.by} needs a column; name it with column=NAME")
        if self.column is not None and not reads_column:
            raise ValueError(f"column has no part in by={self.by}; set by=column or by=group")
        if self.by != "column" and (self.dev_values or self.test_values):
            raise ValueError(f"dev_values and test_values have no part in by={self.by}")
        if self.by in ("files", "column") and self._fractions():
            raise ValueError(
                f"dev_fraction and test_fraction have no part in by={self.by}; set by=random, "
                "group or similarity"
            )
        both = sorted(set(self.dev_values) & set(self.test_values))
        if both:
            raise ValueError(f"{', '.join(both)} stands in dev_values and in test_values")
        fractions = self._fractions()
        if fractions and not (min(fractions) > 0 and sum(fractions) < 1):  # nor if one is NaN
            raise ValueError(
                "dev_fraction and test_fraction must be above 0 and together below 1, got "
                f"{self.dev_fraction} and {self.test_fraction}"
            )
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        if not _LEAST_SIMILARITY <= self.similarity <= 1:
            raise ValueError(
                f"similarity must lie in [{_LEAST_SIMILARITY}, 1], got {self.similarity}"
            )
        if not _K_RANGE[0] <= self.similarity_k <= _K_RANGE[1]:
            raise ValueError(
                f"similarity_k must lie in {_K_RANGE[0]}..{_K_RANGE[1]}, got {self.similarity_k}"
            )

    def check_shares(self, test: bool) -> None:
        """Check that it says which rows are dev, and which are test if they are to be parted off.

        Args:
            test: Whether test is to be parted off, too; else it has a file of its own.

        Raises:
            ValueError: If a share or values are missing, or are given for a test of its own.
        """
        column = self.by == "column"
        dev = self.dev_values if column else self.dev_fraction
        of_test = self.test_values if column else self.test_fraction
        kind = "values" if column else "fraction"
        if not dev:
            raise ValueError(f"split.by={self.by} needs dev_{kind}: split.dev_{kind}=...")
        if test and not of_test:
            raise ValueError(
                f"split.by={self.by} needs test_{kind}: split.test_{kind}=..., or a file for test"
            )
        if not test and of_test:
            raise ValueError(f"test has a file of its own; leave out split.test_{kind}")

    def check_available(self) -> None:
        """Raise if it needs a package that is not installed, before anything is read.

        Raises:
            InputError: As `similarity.check_available`.
        """
        if self.by == "similarity":
            check_available("task.source.split.by")

    def part(self, table: SequenceTable) -> dict[str, SequenceTable]:
        """Return train, dev and, if a share or values say so, test.

        Raises:
            InputError: If a split would be empty, or a value occurs in no row.
        """
        if self.by == "column":
            assert self.column is not None  # by __post_init__
            assert table.groups is not None  # by the source, which reads the column
            values = self.dev_values, self.test_values
            return part_by_values(table, self.column, table.groups, *values, _PREFIX)
        assert self.dev_fraction is not None  # by check_shares
        if self.by == "random":
            shares_at_random = self.dev_fraction, self.test_fraction
            return part_at_random(table, *shares_at_random, self.seed, self.stratified, _PREFIX)
        shares = {} if self.test_fraction is None else {"test": self.test_fraction}
        shares["dev"] = self.dev_fraction
        if self.by == "group":
            assert table.groups is not None  # by the source, which reads the column
            return part_by_groups(table, table.groups, shares, self.seed)
        clusters = cluster(table.columns(), self.similarity, self.similarity_k)
        sizes = np.bincount(clusters)
        found = {
            "clusters": len(sizes),
            "largest_cluster": int(sizes.max()),
            "rows_not_alone": int(sizes[sizes > 1].sum()),
        }
        log.info("%s: by similarity, %s", table.where, found)
        table = replace(table, facts={**table.facts, "similarity": found})
        return part_by_groups(table, clusters, shares, self.seed)

    def _fractions(self) -> list[float]:
        return [f for f in (self.dev_fraction, self.test_fraction) if f is not None]

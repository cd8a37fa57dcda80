"""Splits that keep rows of one group together: chromosomes, families, clusters."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dnaft.data.table import SequenceTable
from dnaft.errors import InputError, listed


def part_by_values(
    table: SequenceTable,
    column: str,
    groups: Sequence[str],
    dev_values: Sequence[str],
    test_values: Sequence[str],
    prefix: str = "",
) -> dict[str, SequenceTable]:
    """Part a table by the values of a column; what is not named is trained on.

    Args:
        table: All rows.
        column: Name of the column, for messages.
        groups: Its value in each row.
        dev_values: Values of the rows of dev.
        test_values: Values of the rows of test; without any there is no test.
        prefix: Of the keys in messages, behind `task.source.`.

    Raises:
        InputError: If a value occurs in no row, or none is left for train.
    """
    found = Counter(groups)
    for key, values in (("dev_values", dev_values), ("test_values", test_values)):
        for value in values:
            if value not in found:
                raise InputError(
                    f"{table.where}: no row has {value!r} in the column {column!r}, which has "
                    f"{listed(sorted(found))}; correct task.source.{prefix}{key}"
                )
    held_out = dict.fromkeys(dev_values, "dev") | dict.fromkeys(test_values, "test")
    splits = np.array([held_out.get(group, "train") for group in groups])
    if "train" not in splits:
        raise InputError(
            f"{table.where}: no row is left to train on; name fewer values in "
            f"task.source.{prefix}dev_values or task.source.{prefix}test_values"
        )
    names = ("train", "dev", "test") if test_values else ("train", "dev")
    return {name: table.take(np.flatnonzero(splits == name)) for name in names}


def part_by_groups(
    table: SequenceTable, groups: Sequence[str] | NDArray[np.int64], shares: Mapping[str, float],
    seed: int,
) -> dict[str, SequenceTable]:  # fmt: skip
    """Draw whole groups into splits, all others are trained on.

    Groups come in random order; each goes to the first split that has room for all of its rows. A
    split is never larger than its share, rounded up, and a large group stays in train.

    Args:
        table: All rows.
        groups: The group of each row.
        shares: Share of all rows for each split but train, in the order in which they are filled.
        seed: The same seed gives the same splits on every machine.

    Raises:
        InputError: If a split would be empty.
    """
    _, number, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    room = {s: int(np.ceil(round(share * len(table), 6))) for s, share in shares.items()}
    of_group = np.full(len(counts), "train", dtype="<U8")
    for group in np.random.Generator(np.random.PCG64(seed)).permutation(len(counts)):
        for split in room:
            if counts[group] <= room[split]:
                of_group[group] = split
                room[split] -= int(counts[group])
                break
    of_row = of_group[number]
    for split in ("train", *shares):
        if split not in of_row:
            raise InputError(
                f"{table.where}: no rows for {split}: {len(table):,} rows form {len(counts):,} "
                f"groups, the largest of {counts.max():,} rows, and a group is never parted. Give "
                "another task.source.split, or a file for each split"
            )
    return {split: table.take(np.flatnonzero(of_row == split)) for split in ("train", *shares)}

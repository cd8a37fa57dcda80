"""Splits drawn at random."""

import math

import numpy as np
from numpy.typing import NDArray

from dnaft.data.table import SequenceTable
from dnaft.errors import InputError


def part_at_random(
    table: SequenceTable,
    dev_fraction: float,
    test_fraction: float | None,
    seed: int,
    stratified: bool,
    prefix: str = "",
) -> dict[str, SequenceTable]:
    """Part a table into train, dev and, if it has a share, test.

    Args:
        table: All rows.
        dev_fraction: Share of dev among them.
        test_fraction: Share of test among them; None draws no test.
        seed: See `hold_out`.
        stratified: See `hold_out`.
        prefix: Of the keys in messages, behind `task.source.`.

    Raises:
        InputError: If a split would be empty.
    """
    splits, rest, share = {}, table, dev_fraction
    if test_fraction is not None:
        rest, splits["test"] = hold_out(
            table, test_fraction, seed, stratified, f"{prefix}test_fraction"
        )
        share /= 1 - test_fraction
    train, dev = hold_out(rest, share, seed, stratified, f"{prefix}dev_fraction")
    return {"train": train, "dev": dev, **splits}


def hold_out(
    table: SequenceTable, fraction: float, seed: int, stratified: bool, key: str = "dev_fraction"
) -> tuple[SequenceTable, SequenceTable]:
    """Part a table at random into train and dev; both keep the order of the file.

    dev gets ceil(fraction * rows) rows, the rounding behind the published counts of the
    Nucleotide Transformer tasks. Stratified, each class gives its share, rounded so that the
    total stays the same; only tables with one integer label a row can be stratified.

    Args:
        table: All rows.
        fraction: Share of dev, between 0 and 1.
        seed: The same seed gives the same split on every machine.
        stratified: Whether dev has the class proportions of the table.
        key: Of the fraction, behind `task.source.`, for messages.

    Returns:
        train, dev.

    Raises:
        InputError: If train or dev would be empty.
    """
    rows = len(table)
    size = math.ceil(round(fraction * rows, 6))  # 0.07 * 100 is 7.000000000000001
    if not 0 < size < rows:
        raise InputError(
            f"{table.where}: {rows} rows cannot be parted with {key.rpartition('.')[2]} "
            f"{fraction:g}; give a file for each split, or another task.source.{key}"
        )
    return hold_out_rows(table, size, seed, stratified)


def hold_out_rows(
    table: SequenceTable, size: int, seed: int, stratified: bool = False
) -> tuple[SequenceTable, SequenceTable]:
    """Part a table as `hold_out` does, with exactly `size` rows held out.

    Args:
        table: More rows than `size`.
        size: Rows held out.
        seed: The same seed gives the same split on every machine.
        stratified: Whether the rows held out have the class proportions of the table.

    Returns:
        The rest, the rows held out.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    is_dev = np.zeros(len(table), dtype=bool)
    if stratified and table.labels.ndim == 1 and table.labels.dtype.kind == "i":
        for members, share in _shares(table.labels, size):
            is_dev[random.permutation(members)[:share]] = True
    else:
        is_dev[random.permutation(len(table))[:size]] = True
    return table.take(np.flatnonzero(~is_dev)), table.take(np.flatnonzero(is_dev))


def _shares(labels: NDArray[np.generic], size: int) -> list[tuple[NDArray[np.int64], int]]:
    """Return the rows of each class and how many of them go to dev (largest remainders)."""
    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * size / len(labels)
    shares = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - shares), kind="stable")
    shares[order[: size - int(shares.sum())]] += 1
    return [
        (np.flatnonzero(labels == c), int(share)) for c, share in zip(classes, shares, strict=True)
    ]

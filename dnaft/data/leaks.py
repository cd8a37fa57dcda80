"""Sequences that occur more than once: within a split, between splits, on either strand.

Of pairs, the pair is what counts: two rows are the same if both sequences are, in the same order;
the reverse complement of a pair is the pair of the reverse complements.
"""

from collections.abc import Hashable
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from dnaft.data.table import SequenceTable
from dnaft.sequence import gc_fractions, reverse_complement

Unit = tuple[str, ...]  # the sequence of a row, or both of a pair


@dataclass(frozen=True)
class Overlap:
    """What the second of two splits shares with the first.

    Attributes:
        exact: Rows of the second split whose sequence is in the first.
        exact_distinct: Distinct sequences among them.
        rc: Rows of the second split of whose sequence the first has only the reverse complement.
        label_differs: Rows of the second split whose sequence the first has only under another
            label.
        rows: Rows of the second split.
    """

    exact: int
    exact_distinct: int
    rc: int
    label_differs: int
    rows: int


@dataclass(frozen=True)
class SplitCounts:
    """One split by itself.

    Attributes:
        rows: Rows.
        length_bp_min: Shortest sequence, of either kind for pairs.
        length_bp_max: Longest sequence.
        labels: Rows of each class (positive rows of each label, for multi-label tasks); empty
            for regression.
        gc: Mean GC fraction of each class, in the same order; of all rows for other kinds. Letters
            other than A, C, G and T count neither way.
        duplicates: Rows beyond the first with the same sequence.
        conflicts: Distinct sequences that carry two labels.
        rc_pairs: Pairs of distinct sequences, one the reverse complement of the other.
        lower_case: Rows that held lower-case letters in the file.
        ambiguous: Rows in which IUPAC codes were turned into other letters.
        uracil: Rows in which U was read as T.
    """

    rows: int
    length_bp_min: int
    length_bp_max: int
    labels: dict[str, int]
    gc: dict[str, float]
    duplicates: int
    conflicts: int
    rc_pairs: int
    lower_case: int
    ambiguous: int = 0
    uracil: int = 0


def count_leaks(tables: dict[str, SequenceTable]) -> dict[str, dict[str, int]]:
    """Count what each pair of splits shares; keys as "train/dev".

    Args:
        tables: The splits, in the order train, dev, test.

    Returns:
        The fields of `Overlap` for each pair.
    """
    known = {split: _labels_by_unit(table) for split, table in tables.items()}
    return {
        f"{first}/{second}": asdict(_overlap(known[first], known[second], tables[second]))
        for first, second in combinations(tables, 2)
    }


def count_split(table: SequenceTable) -> SplitCounts:
    """Describe one split: rows, lengths, labels, GC, duplicates, conflicts."""
    known = _labels_by_unit(table)
    lengths = [len(sequence) for sequences in table.columns() for sequence in sequences]
    counts, gc = _labels_and_gc(table)
    pairs = sum(unit < (other := other_strand(unit)) and other in known for unit in known)
    return SplitCounts(
        rows=len(table),
        length_bp_min=min(lengths),
        length_bp_max=max(lengths),
        labels=counts,
        gc=gc,
        duplicates=len(table) - len(known),
        conflicts=sum(len(labels) > 1 for labels in known.values()),
        rc_pairs=pairs,
        lower_case=table.lower_case,
        ambiguous=table.ambiguous,
        uracil=table.uracil,
    )


def drop_leaks(tables: dict[str, SequenceTable]) -> tuple[dict[str, SequenceTable], int]:
    """Remove the training rows whose sequence, on either strand, is in dev or test.

    Returns:
        The tables, dev and test untouched, and the number of rows removed.
    """
    held_out = {unit for split in ("dev", "test") for unit in units(tables[split])}
    held_out |= {other_strand(unit) for unit in held_out}
    train = tables["train"]
    kept = np.array([i for i, u in enumerate(units(train)) if u not in held_out], dtype=np.int64)
    return tables | {"train": train.take(kept)}, len(train) - len(kept)


def describe_leaks(
    splits: dict[str, SplitCounts], leaks: dict[str, dict[str, int]], unit: str = "sequence"
) -> list[str]:
    """Say in one sentence each what occurs more than once; empty if nothing does.

    Args:
        splits: What `count_split` found in each.
        leaks: What `count_leaks` found.
        unit: What a row holds: `sequence` or `pair`.
    """
    lines = [
        f"{split}: {c.duplicates:,} of {c.rows:,} rows repeat a {unit} of the split, "
        f"{unit}s with two labels: {c.conflicts:,}, on both strands: {c.rc_pairs:,}"
        for split, c in splits.items()
        if c.duplicates or c.conflicts or c.rc_pairs
    ]
    for pair, found in leaks.items():
        if found["exact"] or found["rc"]:
            first, second = pair.split("/")
            lines.append(
                f"{second}: the {unit}s of {found['exact']:,} of {found['rows']:,} rows are in "
                f"{first}, of {found['rc']:,} more as the reverse complement; "
                f"{found['label_differs']:,} carry another label there"
            )
    return lines


def units(table: SequenceTable) -> list[Unit]:
    """Return what is compared: the sequence of each row, or its pair, in upper case."""
    return list(zip(*(map(str.upper, column) for column in table.columns()), strict=True))


def other_strand(unit: Unit) -> Unit:
    """Return the reverse complement of what is compared."""
    return tuple(map(reverse_complement, unit))


def _labels_by_unit(table: SequenceTable) -> dict[Unit, set[Hashable]]:
    known: dict[Unit, set[Hashable]] = {}
    for unit, label in zip(units(table), _hashable(table), strict=True):
        known.setdefault(unit, set()).add(label)
    return known


def _hashable(table: SequenceTable) -> list[Hashable]:
    values = table.labels.tolist()
    return values if table.labels.ndim == 1 else [tuple(row) for row in values]


def _overlap(
    first: dict[Unit, set[Hashable]], second: dict[Unit, set[Hashable]], table: SequenceTable
) -> Overlap:
    shared = first.keys() & second.keys()
    flipped = {u for u in second.keys() - shared if other_strand(u) in first}
    of_rows = units(table)
    differs = sum(
        unit in shared and label not in first[unit]
        for unit, label in zip(of_rows, _hashable(table), strict=True)
    )
    return Overlap(
        exact=sum(unit in shared for unit in of_rows),
        exact_distinct=len(shared),
        rc=sum(unit in flipped for unit in of_rows),
        label_differs=differs,
        rows=len(table),
    )


def _labels_and_gc(table: SequenceTable) -> tuple[dict[str, int], dict[str, float]]:
    gc = gc_fractions(list(map("".join, units(table))))
    labels = table.labels
    if labels.dtype.kind == "f" and labels.dtype == np.float64:  # regression
        return {}, {"all": round(float(gc.mean()), 6)}
    if labels.ndim == 2:  # multi-label
        positive = labels.sum(axis=0)
        counts = {str(i): int(n) for i, n in enumerate(positive)}
        return counts, {"all": round(float(gc.mean()), 6)}
    classes = [int(c) for c in np.unique(labels)]
    return (
        {str(c): int((labels == c).sum()) for c in classes},
        {str(c): round(float(gc[labels == c].mean()), 6) for c in classes},
    )

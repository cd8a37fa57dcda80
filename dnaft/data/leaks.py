"""Sequences that occur more than once: within a split, between splits, on either strand."""

from collections.abc import Hashable
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dnaft.data.table import SequenceTable
from dnaft.sequence import encode_bases, reverse_complement


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
        length_bp_min: Shortest sequence.
        length_bp_max: Longest sequence.
        labels: Rows of each class (positive rows of each label, for multi-label tasks); empty
            for regression.
        gc: Mean GC fraction of each class, in the same order; of all rows for other kinds.
        duplicates: Rows beyond the first with the same sequence.
        conflicts: Distinct sequences that carry two labels.
        rc_pairs: Pairs of distinct sequences, one the reverse complement of the other.
        lower_case: Rows that held lower-case letters in the file.
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


def count_leaks(tables: dict[str, SequenceTable]) -> dict[str, dict[str, int]]:
    """Count what each pair of splits shares; keys as "train/dev".

    Args:
        tables: The splits, in the order train, dev, test.

    Returns:
        The fields of `Overlap` for each pair.
    """
    known = {split: _labels_by_sequence(table) for split, table in tables.items()}
    return {
        f"{first}/{second}": asdict(_overlap(known[first], known[second], tables[second]))
        for first, second in combinations(tables, 2)
    }


def count_split(table: SequenceTable) -> SplitCounts:
    """Describe one split: rows, lengths, labels, GC, duplicates, conflicts."""
    known = _labels_by_sequence(table)
    lengths = [len(sequence) for sequence in table.sequences]
    counts, gc = _labels_and_gc(table)
    pairs = sum(
        sequence < (other := reverse_complement(sequence)) and other in known for sequence in known
    )
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
    )


def drop_leaks(tables: dict[str, SequenceTable]) -> tuple[dict[str, SequenceTable], int]:
    """Remove the training rows whose sequence, on either strand, is in dev or test.

    Returns:
        The tables, dev and test untouched, and the number of rows removed.
    """
    held_out = {s for split in ("dev", "test") for s in tables[split].sequences}
    held_out |= {reverse_complement(sequence) for sequence in held_out}
    train = tables["train"]
    kept = np.array([i for i, s in enumerate(train.sequences) if s not in held_out], dtype=np.int64)
    return tables | {"train": train.take(kept)}, len(train) - len(kept)


def describe_leaks(splits: dict[str, SplitCounts], leaks: dict[str, dict[str, int]]) -> list[str]:
    """Say in one sentence each what occurs more than once; empty if nothing does."""
    lines = [
        f"{split}: {c.duplicates:,} of {c.rows:,} rows repeat a sequence of the split, "
        f"sequences with two labels: {c.conflicts:,}, on both strands: {c.rc_pairs:,}"
        for split, c in splits.items()
        if c.duplicates or c.conflicts or c.rc_pairs
    ]
    for pair, found in leaks.items():
        if found["exact"] or found["rc"]:
            first, second = pair.split("/")
            lines.append(
                f"{second}: the sequences of {found['exact']:,} of {found['rows']:,} rows are in "
                f"{first}, of {found['rc']:,} more as the reverse complement; "
                f"{found['label_differs']:,} carry another label there"
            )
    return lines


def _labels_by_sequence(table: SequenceTable) -> dict[str, set[Hashable]]:
    known: dict[str, set[Hashable]] = {}
    for sequence, label in zip(table.sequences, _hashable(table), strict=True):
        known.setdefault(sequence, set()).add(label)
    return known


def _hashable(table: SequenceTable) -> list[Hashable]:
    values = table.labels.tolist()
    return values if table.labels.ndim == 1 else [tuple(row) for row in values]


def _overlap(
    first: dict[str, set[Hashable]], second: dict[str, set[Hashable]], table: SequenceTable
) -> Overlap:
    shared = first.keys() & second.keys()
    flipped = {s for s in second.keys() - shared if reverse_complement(s) in first}
    differs = sum(
        sequence in shared and label not in first[sequence]
        for sequence, label in zip(table.sequences, _hashable(table), strict=True)
    )
    return Overlap(
        exact=sum(sequence in shared for sequence in table.sequences),
        exact_distinct=len(shared),
        rc=sum(sequence in flipped for sequence in table.sequences),
        label_differs=differs,
        rows=len(table),
    )


def _labels_and_gc(table: SequenceTable) -> tuple[dict[str, int], dict[str, float]]:
    codes, offsets = encode_bases(table.sequences)
    is_gc = np.concatenate([[0], np.cumsum((codes == ord("G")) | (codes == ord("C")))])
    gc: NDArray[np.float64] = np.diff(is_gc[offsets]) / np.diff(offsets)
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

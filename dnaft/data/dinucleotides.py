"""Rows whose counts of dinucleotides are those of another row: shuffled sequences.

Negatives are often made of positives by shuffling their letters so that dinucleotide counts stay.
Where a shuffle and its original are in different splits, the counts give the label away. Two
natural sequences of a hundred bases hardly ever have the same counts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from dnaft.data.table import SequenceTable
from dnaft.sequence import base_numbers, encode_bases

_KINDS = 25  # pairs of A, C, G, T and any other letter


@dataclass(frozen=True)
class Shuffles:
    """Rows of a split with the dinucleotide counts of another sequence of train.

    Attributes:
        other_label: Rows of which train has another sequence with these counts, under another
            label.
        same_label: Rows of which train has another sequence with these counts, under their own.
        rows: Rows of the split.
    """

    other_label: int
    same_label: int
    rows: int


def count_shuffles(tables: Mapping[str, SequenceTable]) -> dict[str, dict[str, int]]:
    """Return the fields of `Shuffles` for each split.

    Args:
        tables: The splits, train among them, with one class a row.
    """
    keys = {split: _counts(table) for split, table in tables.items()}
    known: dict[bytes, set[tuple[int, tuple[str, ...]]]] = {}
    for key, row in zip(keys["train"], _rows(tables["train"]), strict=True):
        known.setdefault(key, set()).add(row)
    found = {}
    for split, table in tables.items():
        other = same = 0
        for key, (label, sequences) in zip(keys[split], _rows(table), strict=True):
            labels = {of for of, others in known.get(key, ()) if others != sequences}
            other += bool(labels - {label})
            same += label in labels
        found[split] = asdict(Shuffles(other, same, len(table)))
    return found


def _rows(table: SequenceTable) -> list[tuple[int, tuple[str, ...]]]:
    labels: list[int] = table.labels.tolist()
    return list(zip(labels, zip(*table.columns(), strict=True), strict=True))


def _counts(table: SequenceTable) -> list[bytes]:
    """Return the dinucleotide counts of each row, of both sequences of a pair, as a key."""
    columns = [_count(sequences) for sequences in table.columns()]
    whole = np.concatenate(columns, axis=1).astype(np.int32)
    return [row.tobytes() for row in whole]


def _count(sequences: list[str]) -> NDArray[np.int64]:
    codes, offsets = encode_bases(sequences)
    bases, lengths = base_numbers(codes), np.diff(offsets)
    row = np.repeat(np.arange(len(sequences)), lengths)
    inside = np.arange(len(codes)) + 1 < offsets[row + 1]
    kind = 5 * bases + np.roll(bases, -1)
    cells = row[inside] * _KINDS + kind[inside]
    counts = np.bincount(cells, minlength=len(sequences) * _KINDS)
    return counts.reshape(len(sequences), _KINDS)

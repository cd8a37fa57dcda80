"""Rows that are near duplicates of rows of their own split and of others."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from dnaft.data.leaks import Unit, other_strand, units
from dnaft.data.near import NearPairs, find_near
from dnaft.data.table import SequenceTable
from dnaft.metrics import Kind

WORD_BP = 12
LEAST = 0.5
_MOST_EXAMPLES = 10


def describe_near(kind: Kind, tables: Mapping[str, SequenceTable]) -> dict[str, Any]:
    """Count rows with a near duplicate; equal sequences and reverse complements are none.

    Args:
        kind: Kind of the task; labels are compared where they are classes.
        tables: The splits, in the order train, dev, test.

    Returns:
        `within`, by split: rows with a near duplicate in their split. `across`, by pair of splits:
        `rows` of the second with a near duplicate in the first, `label_differs` of them all of
        whose near duplicates there carry another label (null where labels are no classes), and
        `of`, all rows of the second. `examples`, the most similar rows of different splits.
    """
    number: dict[Unit, int] = {}
    rows = {split: _number(table, number) for split, table in tables.items()}
    pairs = find_near(list(map(list, zip(*number, strict=True))), WORD_BP, LEAST)
    partners: dict[int, list[int]] = {}
    for a, b in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        partners.setdefault(a, []).append(b)
        partners.setdefault(b, []).append(a)
    labels = {split: _labels_by_unit(rows[split], tables[split]) for split in tables}
    within = {
        split: sum(any(p in labels[split] for p in partners.get(u, ())) for u in of_split)
        for split, of_split in rows.items()
    }
    has_classes = kind in ("binary", "multiclass")
    across = {}
    for first, second in combinations(tables, 2):
        near = differs = 0
        for unit, label in zip(rows[second], tables[second].labels.tolist(), strict=True):
            shared = [p for p in partners.get(unit, ()) if p in labels[first]]
            near += bool(shared)
            differs += (
                bool(shared) and has_classes and not any(label in labels[first][p] for p in shared)
            )
        across[f"{first}/{second}"] = {
            "rows": near,
            "label_differs": differs if has_classes else None,
            "of": len(tables[second]),
        }
    return {
        "word_bp": WORD_BP,
        "similarity": LEAST,
        "words_passed_over": pairs.words_passed_over,
        "within": {s: {"rows": n, "of": len(tables[s])} for s, n in within.items()},
        "across": across,
        "examples": _examples(pairs, rows, tables),
    }


def _number(table: SequenceTable, number: dict[Unit, int]) -> list[int]:
    """Return the number of each row's sequence, the same for its reverse complement."""
    found = []
    for unit in units(table):
        either = min(unit, other_strand(unit))
        found.append(number.setdefault(either, len(number)))
    return found


def _labels_by_unit(of_rows: list[int], table: SequenceTable) -> dict[int, list[Any]]:
    known: dict[int, list[Any]] = {}
    for unit, label in zip(of_rows, table.labels.tolist(), strict=True):
        known.setdefault(unit, []).append(label)
    return known


def _examples(
    pairs: NearPairs, rows: Mapping[str, list[int]], tables: Mapping[str, SequenceTable]
) -> list[dict[str, Any]]:
    """Return the most similar pairs of rows of different splits, one for each pair of sequences."""
    places: dict[int, list[tuple[str, int]]] = {}
    for split, of_split in rows.items():
        for row, unit in enumerate(of_split):
            if split not in (known for known, _ in places.get(unit, ())):
                places.setdefault(unit, []).append((split, row))
    found: list[dict[str, Any]] = []
    for at in np.argsort(-pairs.similarity, kind="stable"):
        options = [
            (a, b)
            for a in places[int(pairs.first[at])]
            for b in places[int(pairs.second[at])]
            if a[0] != b[0]
        ]
        if not options:
            continue
        ends = sorted(options[0], key=lambda place: list(tables).index(place[0]))
        found.append(
            {
                "similarity": round(float(pairs.similarity[at]), 4),
                "places": [tables[split].place(row) for split, row in ends],
                "splits": [split for split, _ in ends],
                "labels": [tables[split].labels[row].tolist() for split, row in ends],
            }
        )
        if len(found) == _MOST_EXAMPLES:
            break
    return found

"""Which column holds what, and what kind of task the labels make: a guess to be checked."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dnaft.data.letters import IUPAC
from dnaft.errors import InputError, near
from dnaft.metrics import Kind

_LETTERS = frozenset("ACGTU" + "".join(IUPAC))
_LEAST_MEAN_BP = 8
_SAMPLED = 1000
_MOSTLY = 0.9
_MOST_CLASSES = 50
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)
_SEQUENCE_NAMES = ("sequence", "seq", "dna", "text")
_LABEL_NAMES = ("label", "labels", "class", "target", "y")
_SPECIES_NAMES = ("species", "organism")
_CHROMOSOME_NAMES = ("chromosome", "chrom", "chr", "seqname", "seqid")
_SPLIT_NAMES = ("split", "set", "partition", "fold", "subset")
_NAMES_OF_NO_LABELS = ("strand", "id")
_DEV_WORDS = ("dev", "val", "valid", "validation")
_DEV_SHARE, _TEST_SHARE = 0.1, 0.2


@dataclass(frozen=True)
class Labels:
    """What kind of task some columns make.

    Attributes:
        kind: As in `Task`.
        outputs: As in `Task`.
        classes: Names of the classes, empty if they are numbers from 0.
    """

    kind: Kind
    outputs: int
    classes: tuple[str, ...] = ()


def sequence_columns(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the columns that hold sequences, those of a usual name first."""
    found = [name for name, texts in columns.items() if holds_sequences(texts)]
    return sorted(found, key=lambda name: _rank(name, _SEQUENCE_NAMES))


def label_columns(columns: Mapping[str, Sequence[str]], taken: Sequence[str]) -> list[str]:
    """Return the column with the labels, several if they are yes/no labels, none if in doubt.

    Args:
        columns: All columns.
        taken: Columns that hold something else.
    """
    free = _free(columns, taken)
    for name in sorted(free, key=lambda name: _rank(name, _LABEL_NAMES)):
        if name.lower() in _LABEL_NAMES:
            return [name]
    several = [name for name in free if name.lower().startswith(("label_", "label"))]
    if len(several) > 1 and all(set(map(_plain, columns[n])) <= {"0", "1"} for n in several):
        return several
    likely = possible_labels(columns, taken)
    return likely if len(likely) == 1 else []


def possible_labels(columns: Mapping[str, Sequence[str]], taken: Sequence[str]) -> list[str]:
    """Return the columns of which each alone could be the labels.

    Args:
        columns: All columns.
        taken: Columns that hold something else.
    """
    free = _free(columns, taken)
    return [name for name in free if labels_of([columns[name]]) is not None]


def _free(columns: Mapping[str, Sequence[str]], taken: Sequence[str]) -> list[str]:
    usual = (*_SPECIES_NAMES, *_CHROMOSOME_NAMES, *_SPLIT_NAMES, *_NAMES_OF_NO_LABELS)
    return [name for name in columns if name not in taken and name.lower() not in usual]


def labels_of(columns: Sequence[Sequence[str]]) -> Labels | None:
    """Return what task the labels make, or None if they are neither numbers nor few words."""
    if len(columns) > 1:
        flags = all(set(map(_plain, texts)) <= {"0", "1"} for texts in columns)
        if flags:
            return Labels("multilabel", len(columns))
        numbers = all(is_number(text) for texts in columns for text in texts)
        return Labels("regression", len(columns)) if numbers else None
    counts = Counter(text.strip() for text in columns[0])
    if not counts or "" in counts:
        return None
    if all(map(_WHOLE.fullmatch, counts)):
        values = {int(text.partition(".")[0]) for text in counts}
        if values <= {0, 1}:
            return Labels("binary", 1)
        if values == set(range(len(values))) and len(values) <= _MOST_CLASSES:
            return Labels("multiclass", len(values))
    if all(map(is_number, counts)):
        return Labels("regression", 1)
    if 2 <= len(counts) <= min(_MOST_CLASSES, max(2, sum(counts.values()) // 2)):
        names = tuple(sorted(counts))
        return (
            Labels("binary", 1, names)
            if len(names) == 2
            else Labels("multiclass", len(names), names)
        )
    return None


def species_columns(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the columns that by their names hold species."""
    return [name for name in columns if name.lower() in _SPECIES_NAMES]


def split_of(columns: Mapping[str, Sequence[str]], asked: str | None) -> dict[str, Any]:
    """Return keys of a `SplitRule` for one file with all rows.

    A column that says train, dev and test decides; else chromosomes, few small ones held out; else
    chance, each class by its share.

    Args:
        columns: All columns.
        asked: The column that shall decide, if one is asked for.

    Raises:
        InputError: If it has fewer than three values.
    """
    order = [n for n in columns if n.lower() in _SPLIT_NAMES]
    order += [n for n in columns if n.lower() in _CHROMOSOME_NAMES]
    for name in order if asked is None else [find(columns, asked, "split")]:
        counts = Counter(text.strip() for text in columns[name])
        words = {text.lower(): text for text in counts}
        dev = [words[word] for word in _DEV_WORDS if word in words]
        if dev and "test" in words:
            return _by_column(name, dev, [words["test"]])
        if len(counts) >= 3 and (asked or name.lower() in _CHROMOSOME_NAMES):
            return _by_column(name, *_small_ones(counts))
        if asked is not None:
            raise InputError(
                f"split: column {asked!r} has {len(counts)} values; train, dev and test need three"
            )
    return {"by": "random", "dev_fraction": _DEV_SHARE, "test_fraction": _TEST_SHARE}


def find(columns: Mapping[str, Sequence[str]], name: str, key: str) -> str:
    """Return the name of a column that is asked for.

    Raises:
        InputError: If there is none.
    """
    if name not in columns:
        raise InputError(f"{key}: there is no column {name!r}; {near(name, columns)}")
    return name


def _by_column(name: str, dev: Sequence[str], test: Sequence[str]) -> dict[str, Any]:
    return {"by": "column", "column": name, "dev_values": list(dev), "test_values": list(test)}


def _small_ones(counts: Counter[str]) -> tuple[list[str], list[str]]:
    """Return values for dev and test, the smallest that hold their shares; one is left at least."""
    rows = counts.total()
    values = sorted(counts, key=lambda value: (counts[value], value))[:-1]
    dev: list[str] = []
    while len(values) > 1 and sum(counts[value] for value in dev) < _DEV_SHARE * rows:
        dev.append(values.pop(0))
    test: list[str] = []
    while values and sum(counts[value] for value in test) < _TEST_SHARE * rows:
        test.append(values.pop(0))
    return dev, test


def holds_sequences(texts: Sequence[str]) -> bool:
    """Return whether texts are DNA or RNA, in either case, by the first ones."""
    some = [text for text in texts[:_SAMPLED] if text]
    if not some or sum(map(len, some)) < _LEAST_MEAN_BP * len(some):
        return False
    # A stray letter in a row is refused when the rows are read, with its line.
    return sum(_LETTERS.issuperset(text.upper()) for text in some) >= _MOSTLY * len(some)


def _rank(name: str, names: Sequence[str]) -> int:
    return names.index(name.lower()) if name.lower() in names else len(names)


def _plain(text: str) -> str:
    return text.strip().removesuffix(".0")


def is_number(text: str) -> bool:
    """Return whether a text is a number as labels may be."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text

"""A split in memory: checked sequences with their labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dnaft.data.jitter import Jitter
from dnaft.data.labels import parse_labels
from dnaft.data.letters import AMBIGUOUS, LOWER_CASE, URACIL, clean
from dnaft.data.rows import RawRows, RowRules
from dnaft.errors import InputError
from dnaft.sequence import reverse_complement

__all__ = ["RawRows", "RowRules", "SequenceTable", "build_table"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class SequenceTable:
    """Sequences of one split, or pairs of sequences, with their labels.

    Attributes:
        sequences: Letters of the task's alphabet, in upper case unless the task keeps the case.
        labels: (rows,) int64 for binary and multi-class tasks; (rows, outputs) float32 of 0 and
            1 for multi-label tasks; float64 for regression, (rows,) if there is one target,
            else (rows, outputs).
        where: The file, for messages.
        sha256: Checksum of that file.
        numbers: Line or row number of each row in the file, (rows,).
        unit: `line` or `row`.
        sequences_b: The second sequence of each row, for pairs.
        found: (rows,) flags of `dnaft.data.letters`: which letters a row held in the file.
        species: The species of each row, for tokenizers that have a token for it.
        groups: What parts the rows into splits: a chromosome, say.
        files: The file of each row, if they come from several.
        wide: With `jitter`: each sequence with that many bases more at either end.
        jitter: How training may shift the windows.
        facts: What else is known, for result.json.
    """

    sequences: list[str]
    labels: NDArray[np.generic]
    where: str
    sha256: str
    numbers: NDArray[np.int64]
    unit: str = "line"
    sequences_b: list[str] | None = None
    found: NDArray[np.uint8] | None = None
    species: list[str] | None = None
    groups: list[str] | None = None
    files: list[str] | None = None
    wide: list[str] | None = None
    jitter: Jitter | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sequences)

    def place(self, row: int) -> str:
        """Say where a row comes from."""
        where = self.where if self.files is None else self.files[row]
        return f"{where} {self.unit} {self.numbers[row]}"

    @property
    def lower_case(self) -> int:
        """Rows that held lower-case letters in the file."""
        return self._count(LOWER_CASE)

    @property
    def ambiguous(self) -> int:
        """Rows in which IUPAC codes were turned into other letters."""
        return self._count(AMBIGUOUS)

    @property
    def uracil(self) -> int:
        """Rows in which U was read as T."""
        return self._count(URACIL)

    def _count(self, flag: int) -> int:
        return 0 if self.found is None else int(((self.found & flag) > 0).sum())

    def columns(self) -> list[list[str]]:
        """Return the sequences, and for pairs the second sequences behind them."""
        return [self.sequences] if self.sequences_b is None else [self.sequences, self.sequences_b]

    def lengths_bp(self) -> NDArray[np.int64]:
        """Return the bases of each row, of both sequences of a pair, (rows,)."""
        lengths = np.zeros(len(self), dtype=np.int64)
        for sequences in self.columns():
            lengths += np.fromiter(map(len, sequences), np.int64, len(self))
        return lengths

    def other_strand(self) -> "SequenceTable":
        """Return the table with every sequence, both of a pair, as its reverse complement.

        A pair keeps its order: what was first stays first.
        """

        def turned(texts: list[str] | None) -> list[str] | None:
            return None if texts is None else [reverse_complement(text) for text in texts]

        return replace(
            self,
            sequences=[reverse_complement(s) for s in self.sequences],
            sequences_b=turned(self.sequences_b),
            wide=turned(self.wide),
        )

    def views(self) -> list["SequenceTable"]:
        """Return the table with its windows shifted, once for each view of its jitter."""
        if self.jitter is None or self.wide is None:
            return []
        shifts = self.jitter.shifts(len(self))
        return [replace(self, sequences=self.jitter.cut(self.wide, of)) for of in shifts]

    def take(self, rows: NDArray[np.int64]) -> "SequenceTable":
        """Return the table of these rows, in this order."""
        return replace(
            self,
            sequences=[self.sequences[i] for i in rows],
            labels=self.labels[rows],
            numbers=self.numbers[rows],
            sequences_b=_pick(self.sequences_b, rows),
            found=None if self.found is None else self.found[rows],
            species=_pick(self.species, rows),
            groups=_pick(self.groups, rows),
            files=_pick(self.files, rows),
            wide=_pick(self.wide, rows),
        )


def build_table(raw: RawRows, rules: RowRules) -> SequenceTable:
    """Check rows against the rules of a task.

    Raises:
        InputError: If there is no row, a sequence is empty or holds a letter outside the
            alphabet, a species has no name, or a label does not fit the kind of the task.
    """
    if not raw.sequences:
        raise InputError(
            f"task {rules.task}, {raw.where}: the file holds no sequences; "
            "put one labelled sequence in each row"
        )

    def place(row: int) -> str:
        return f"task {rules.task}, {raw.place(row)}"

    found = np.zeros(len(raw.sequences), dtype=np.uint8)
    sequences = clean(raw.sequences, rules.letters, found, place, "sequence")
    second = raw.sequences_b
    if second is not None:
        second = clean(second, rules.letters, found, place, "second sequence")
    wide = None
    if raw.jitter is not None:
        wide = sequences
        sequences = raw.jitter.cut(wide, np.zeros(len(wide), np.int64))
    labels = parse_labels(raw, rules.task, rules.kind, rules.outputs, rules.classes)
    return SequenceTable(
        sequences=sequences,
        labels=labels,
        where=raw.where,
        sha256=raw.sha256,
        numbers=np.asarray(raw.numbers, dtype=np.int64),
        unit=raw.unit,
        sequences_b=second,
        found=found,
        species=_named(raw.species, place, "species"),
        groups=None if raw.groups is None else [text.strip() for text in raw.groups],
        files=raw.files,
        wide=wide,
        jitter=raw.jitter,
        facts=raw.facts,
    )


def _named(texts: list[str] | None, place: Callable[[int], str], what: str) -> list[str] | None:
    if texts is None:
        return None
    names = [text.strip() for text in texts]
    if not all(names):
        row = names.index("")
        raise InputError(f"{place(row)}: the {what} is empty; name it or remove the row")
    return names


def _pick(texts: list[T] | None, rows: NDArray[np.int64]) -> list[T] | None:
    return None if texts is None else [texts[i] for i in rows]

"""A split in memory: checked sequences with their labels."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnaft.data.labels import parse_labels
from dnaft.errors import InputError
from dnaft.metrics import Kind
from dnaft.sequence import reverse_complement

Case = Literal["upper", "error"]


@dataclass(frozen=True)
class RowRules:
    """What every row of a task must look like.

    Attributes:
        task: Name of the task, for messages.
        kind: Kind of the task.
        outputs: Classes, labels or targets; 1 for binary tasks.
        alphabet: Upper-case letters a sequence may hold.
        case: `upper` turns lower-case (soft-masked) letters into upper case; `error` refuses
            them.
    """

    task: str
    kind: Kind
    outputs: int
    alphabet: str = "ACGTN"
    case: Case = "upper"


@dataclass(frozen=True)
class RawRows:
    """Rows of a file as text, before anything was checked.

    Attributes:
        sequences: One text a row.
        labels: One list of texts per label column.
        numbers: Where each row stands: line numbers, or row numbers, from 1.
        unit: What `numbers` count: `line` or `row`.
        where: The file.
        sha256: Checksum of the file as it lies on disk.
        sequences_b: The second text of each row, for pairs.
    """

    sequences: list[str]
    labels: list[list[str]]
    numbers: list[int]
    unit: str
    where: str
    sha256: str
    sequences_b: list[str] | None = None


@dataclass(frozen=True, eq=False)
class SequenceTable:
    """Sequences of one split, or pairs of sequences, with their labels.

    Attributes:
        sequences: Upper-case letters of the task's alphabet.
        labels: (rows,) int64 for binary and multi-class tasks; (rows, outputs) float32 of 0 and
            1 for multi-label tasks; float64 for regression, (rows,) if there is one target,
            else (rows, outputs).
        where: The file, for messages.
        sha256: Checksum of that file.
        numbers: Line or row number of each row in the file, (rows,).
        unit: `line` or `row`.
        lower_case: Rows that held lower-case letters in the file.
        sequences_b: The second sequence of each row, for pairs.
    """

    sequences: list[str]
    labels: NDArray[np.generic]
    where: str
    sha256: str
    numbers: NDArray[np.int64]
    unit: str = "line"
    lower_case: int = 0
    sequences_b: list[str] | None = None

    def __len__(self) -> int:
        return len(self.sequences)

    def place(self, row: int) -> str:
        """Say where a row comes from."""
        return f"{self.where} {self.unit} {self.numbers[row]}"

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
        second = self.sequences_b
        return replace(
            self,
            sequences=[reverse_complement(s) for s in self.sequences],
            sequences_b=None if second is None else [reverse_complement(s) for s in second],
        )

    def take(self, rows: NDArray[np.int64]) -> "SequenceTable":
        """Return the table of these rows, in this order."""
        return replace(
            self,
            sequences=[self.sequences[i] for i in rows],
            labels=self.labels[rows],
            numbers=self.numbers[rows],
            sequences_b=None if self.sequences_b is None else [self.sequences_b[i] for i in rows],
        )


def build_table(raw: RawRows, rules: RowRules) -> SequenceTable:
    """Check rows against the rules of a task.

    Raises:
        InputError: If there is no row, a sequence is empty or holds a letter outside the
            alphabet, or a label does not fit the kind of the task.
    """
    if not raw.sequences:
        raise InputError(
            f"task {rules.task}, {raw.where}: the file holds no sequences; "
            "put one labelled sequence in each row"
        )
    sequences, lower_case = _check_sequences(raw, rules, raw.sequences, "sequence")
    sequences_b = None
    if raw.sequences_b is not None:
        sequences_b, lower_b = _check_sequences(raw, rules, raw.sequences_b, "second sequence")
        lower_case |= lower_b
    labels = parse_labels(raw, rules.task, rules.kind, rules.outputs)
    return SequenceTable(
        sequences=sequences,
        labels=labels,
        where=raw.where,
        sha256=raw.sha256,
        numbers=np.asarray(raw.numbers, dtype=np.int64),
        unit=raw.unit,
        lower_case=len(lower_case),
        sequences_b=sequences_b,
    )


def _check_sequences(
    raw: RawRows, rules: RowRules, texts: list[str], what: str
) -> tuple[list[str], set[int]]:
    """Return the sequences in upper case and the rows that had to be changed for it."""
    if not all(texts):
        row = texts.index("")
        raise InputError(
            f"{_place(raw, rules, row)}: the {what} is empty; fill it or remove the row"
        )
    sequences, joined = texts, "".join(texts)
    lower_case: set[int] = set()
    if joined.isascii() and rules.case == "upper" and joined != joined.upper():
        sequences = [text.upper() for text in texts]
        lower_case = {i for i, text in enumerate(texts) if text != sequences[i]}
        joined = joined.upper()
    if joined.isascii() and not joined.encode().translate(None, rules.alphabet.encode()):
        return sequences, lower_case
    allowed = frozenset(rules.alphabet)
    row = next(i for i, sequence in enumerate(sequences) if not allowed.issuperset(sequence))
    at = next(i for i, letter in enumerate(sequences[row]) if letter not in allowed)
    letter = texts[row][at]
    if letter.upper() in allowed:
        remedy = "turn it into upper case or set task.case=upper"
    else:
        remedy = "clean the file or set task.alphabet"
    raise InputError(
        f"{_place(raw, rules, row)}: letter {letter!r} at position {at + 1} of the {what} "
        f"is not in the alphabet {rules.alphabet}; {remedy}"
    )


def _place(raw: RawRows, rules: RowRules, row: int) -> str:
    return f"task {rules.task}, {raw.where} {raw.unit} {raw.numbers[row]}"

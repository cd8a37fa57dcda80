"""Rows as they stand in a file, and what they must look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dnaft.data.jitter import Jitter
from dnaft.data.letters import Ambiguity, Case, LetterRules, Uracil
from dnaft.metrics import Kind


@dataclass(frozen=True)
class RowRules:
    """What every row of a task must look like.

    Attributes:
        task: Name of the task, for messages.
        kind: Kind of the task.
        outputs: Classes, labels or targets; 1 for binary tasks.
        alphabet: Upper-case letters a sequence may hold.
        case: What becomes of lower-case letters, see `LetterRules`.
        ambiguity: What becomes of IUPAC codes outside the alphabet.
        ambiguity_seed: Of random bases for them.
        uracil: What becomes of U.
        classes: How the file calls the classes, in their order; 0, 1, ... if empty.
    """

    task: str
    kind: Kind
    outputs: int
    alphabet: str = "ACGTN"
    case: Case = "upper"
    ambiguity: Ambiguity = "error"
    ambiguity_seed: int = 1
    uracil: Uracil = "error"
    classes: tuple[str, ...] = ()

    @property
    def letters(self) -> LetterRules:
        """What becomes of the letters of a sequence."""
        return LetterRules(
            self.alphabet, self.case, self.ambiguity, self.ambiguity_seed, self.uracil
        )


@dataclass(frozen=True)
class RawRows:
    """Rows of a file as text, before anything was checked.

    Attributes:
        sequences: One text a row; with `jitter`, that many bases longer at either end.
        labels: One list of texts per label column.
        numbers: Where each row stands: line numbers, or row numbers, from 1.
        unit: What `numbers` count: `line` or `row`.
        where: The file.
        sha256: Checksum of the file as it lies on disk.
        sequences_b: The second text of each row, for pairs.
        species: The species of each row, for tokenizers that have a token for it.
        groups: What parts the rows into splits: a chromosome, say.
        files: The file of each row, if they come from several.
        jitter: How training may shift the windows.
        facts: What else is known, for result.json.
    """

    sequences: list[str]
    labels: list[list[str]]
    numbers: list[int]
    unit: str
    where: str
    sha256: str
    sequences_b: list[str] | None = None
    species: list[str] | None = None
    groups: list[str] | None = None
    files: list[str] | None = None
    jitter: Jitter | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def place(self, row: int) -> str:
        """Say where a row comes from."""
        where = self.where if self.files is None else self.files[row]
        return f"{where} {self.unit} {self.numbers[row]}"

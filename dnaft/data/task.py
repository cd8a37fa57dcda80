"""What is to be learned: the kind of labels, and where the rows come from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dnaft.data.letters import Ambiguity, Case, Uracil
from dnaft.data.source import SPLITS, Source
from dnaft.data.table import RowRules, SequenceTable
from dnaft.data.targets import TargetRules
from dnaft.errors import InputError
from dnaft.metrics import Kind, metric_names
from dnaft.sequence import reverse_complement


@dataclass(frozen=True)
class Task:
    """One data set with its labels; one yaml in `conf/task`.

    Attributes:
        name: Short name, as in results.
        kind: `binary`, `multiclass`, `multilabel` or `regression`.
        source: Where the splits come from.
        outputs: Classes (multiclass), labels (multilabel), targets (regression); 1 for binary.
        length_bp: Length of every sequence, of both of a pair, asserted when given.
        rows: Rows of a split, asserted for each split that is named.
        alphabet: Letters a sequence may hold.
        case: Of lower-case (soft-masked) letters: `upper` reads them as upper case, `mask` hides
            them behind N, `keep` leaves them as they are, `error` refuses them.
        ambiguity: Of IUPAC codes outside the alphabet: `error` refuses them, `N` turns them into
            N, `random` draws one of the bases that they stand for.
        ambiguity_seed: Of these draws; not the seed of the run.
        uracil: `T` reads U as T, `error` refuses it.
        classes: How the file calls the classes, in the order of their numbers; empty if it says
            0, 1, ...
        choose_by: The dev score that chooses the checkpoint; by kind if none.
        domain: What LINGO's prefix says after "Domain: ".
        drop_leaks: Remove training rows whose sequence, or its reverse complement, is in dev or
            test.
        strand_matters: Whether a label holds for the strand that is given only, so that the
            reverse complement of a row would be another row: of a promoter read towards its
            gene, say, but not of a nucleosome's place.
        log_targets: Of a regression: train the natural logarithm of the targets.
        clip_targets: Of a regression: clip targets to these limits first, in the unit of the file.
        standardise_targets: Of a regression: last, subtract the mean of the training rows and
            divide by their standard deviation.
        description: One sentence for people.
        reference: Where the data set was published.
        traps: What a user should know before trusting a score, by name; shown in the data card and
            the quality report.
        sha256: Checksums of the published files, by split; compared by `python -m dnaft.data check`
            alone, as another file may hold the same rows.
    """

    name: str
    kind: Kind
    source: Source
    outputs: int = 1
    length_bp: int | None = None
    rows: dict[str, int] | None = None
    alphabet: str = "ACGTN"
    case: Case = "upper"
    ambiguity: Ambiguity = "error"
    ambiguity_seed: int = 1
    uracil: Uracil = "error"
    classes: tuple[str, ...] = ()
    choose_by: str | None = None
    domain: str = "DNA"
    drop_leaks: bool = False
    strand_matters: bool = False
    log_targets: bool = False
    clip_targets: tuple[float, float] | None = None
    standardise_targets: bool = False
    description: str = ""
    reference: str = ""
    traps: Mapping[str, str] = field(default_factory=dict)
    sha256: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        least = 2 if self.kind == "multiclass" else 1
        if self.kind == "binary" and self.outputs != 1:
            raise ValueError(
                f"outputs of a binary task is 1, got {self.outputs}; "
                "use kind=multiclass for more classes"
            )
        if self.outputs < least:
            raise ValueError(
                f"outputs of a {self.kind} task must be {least} or more, got {self.outputs}"
            )
        if self.length_bp is not None and self.length_bp < 1:
            raise ValueError(f"length_bp must be 1 or more, got {self.length_bp}")
        if self.choose_by is not None and self.choose_by not in metric_names(self.kind):
            raise ValueError(
                f"choose_by must be a score of a {self.kind} task "
                f"({', '.join(metric_names(self.kind))}), got {self.choose_by!r}"
            )
        for key, named in (("rows", self.rows), ("sha256", self.sha256)):
            unknown = sorted(set(named or {}) - set(SPLITS))
            if unknown:
                raise ValueError(
                    f"{key} names {', '.join(unknown)}; splits are {', '.join(SPLITS)}"
                )
        if not self.alphabet or self.alphabet != self.alphabet.upper():
            raise ValueError(f"alphabet must be upper-case letters, got {self.alphabet!r}")
        try:
            reverse_complement(self.alphabet)
        except ValueError as error:
            raise ValueError(f"alphabet {self.alphabet!r}: {error}") from error
        _ = self.rules.letters  # checks that they fit each other
        self._check_class_names()
        self.target_rules.check(self.kind)

    @property
    def rules(self) -> RowRules:
        """What every row must look like."""
        return RowRules(
            self.name,
            self.kind,
            self.outputs,
            self.alphabet,
            self.case,
            self.ambiguity,
            self.ambiguity_seed,
            self.uracil,
            self.classes,
        )

    @property
    def target_rules(self) -> TargetRules:
        """What is done to the targets of a regression before they are trained."""
        return TargetRules(self.log_targets, self.clip_targets, self.standardise_targets)

    def load(self, data_dir: str) -> dict[str, SequenceTable]:
        """Return the tables train, dev and test, after all that the task asserts holds.

        Targets are as the file has them; `dnaft.data.splits.load_splits` scales them.

        Args:
            data_dir: The folder with the benchmarks.

        Raises:
            InputError: If data are missing or differ from what the task says.
        """
        tables = self.source.load(self.rules, data_dir)
        for split in SPLITS:
            self.check(split, tables[split])
        return {split: tables[split] for split in SPLITS}

    def label_names(self, data_dir: str) -> tuple[str, ...]:
        """Return the names of labels or targets in the order of the outputs, where there are any.

        Args:
            data_dir: The folder with the benchmarks.

        Raises:
            InputError: If the source keeps them with data that are missing.
        """
        read = getattr(self.source, "read_label_names", None)
        if read is not None:
            return tuple(read(self.name, data_dir))
        for attribute in ("label_names", "label_columns"):
            names = tuple(getattr(self.source, attribute, ()))
            if len(names) == self.outputs:
                return names
        return ()

    def _check_class_names(self) -> None:
        if not self.classes:
            return
        if self.kind not in ("binary", "multiclass"):
            raise ValueError(f"classes name the classes of a row, and a {self.kind} task has none")
        expected = 2 if self.kind == "binary" else self.outputs
        if len(set(self.classes)) != len(self.classes) or len(self.classes) != expected:
            raise ValueError(
                f"classes must be {expected} different names, got {', '.join(self.classes)}"
            )

    def check(self, split: str, table: SequenceTable) -> None:
        """Compare one split with what the task asserts: rows, lengths, the classes of train.

        Raises:
            InputError: If it differs.
        """
        self.check_rows(split, len(table), table.where)
        self.check_length(table)
        if split == "train":
            self._check_classes(table)

    def check_rows(self, split: str, rows: int, where: str) -> None:
        """Refuse a split of another size than the task asserts.

        Raises:
            InputError: If it has more or fewer rows.
        """
        expected = (self.rows or {}).get(split)
        if expected is not None and rows != expected:
            raise InputError(
                f"task {self.name}, {where}: {rows:,} rows for {split}, "
                f"task.rows.{split} says {expected:,}; the file is cut off or not the published "
                "one. Get it anew, or drop the check with task.rows=null"
            )

    def check_length(self, table: SequenceTable) -> None:
        """Refuse sequences of another length than the task asserts.

        Raises:
            InputError: If one is shorter or longer.
        """
        if self.length_bp is None:
            return
        for sequences in table.columns():
            for row, sequence in enumerate(sequences):
                if len(sequence) != self.length_bp:
                    raise InputError(
                        f"task {self.name}, {table.place(row)}: {len(sequence)} bp, task.length_bp "
                        f"says {self.length_bp}; correct the row, or drop the check with "
                        "task.length_bp=null"
                    )

    def _check_classes(self, train: SequenceTable) -> None:
        if self.kind in ("binary", "multiclass"):
            classes = 2 if self.kind == "binary" else self.outputs
            absent = sorted(set(range(classes)) - set(Counter(train.labels.tolist())))
            if absent:
                raise InputError(
                    f"task {self.name}, {train.where}: no training row has label "
                    f"{', '.join(map(str, absent))} of 0..{classes - 1}; "
                    "add rows, or set task.outputs to the number of classes"
                )
        if self.kind == "regression" and (np.ptp(train.labels, axis=0) == 0).any():
            raise InputError(
                f"task {self.name}, {train.where}: a target is the same in all training rows; "
                "check task.source.label_columns"
            )

"""The splits of a task as text and as tokens, on one strand or both, with an account of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dnaft.data.encoding import encode_sequences
from dnaft.data.long_input import CHOICES, LongInput, account_for_long_rows, count_long_rows
from dnaft.data.splits import Splits, load_splits
from dnaft.data.table import SequenceTable
from dnaft.data.targets import Targets
from dnaft.data.task import Task
from dnaft.data.tokens import TokenRows, check_rows, mode, tokenise
from dnaft.tokenizers.base import Tokenizer

OTHER = "on the other strand"
SHIFTED = "shifted by task.source.jitter_bp"


@dataclass(frozen=True)
class EncodedSplits:
    """Splits that were read, checked and encoded.

    Attributes:
        tables: train, dev and test, leaks removed from train if the task says so.
        tokens: The encoded splits.
        other: Those that are read on the other strand, too, encoded as reverse complements.
        shifted: The training rows at each shift of their windows, in place of `tokens`; empty if
            they are not shifted.
        shifted_other: The same on the other strand, if training reads it.
        summary: Counts, checksums, leaks, what was windowed and what was cut, for result.json.
        targets: The targets of a regression as the file has them, if they are trained in another
            unit.
    """

    tables: dict[str, SequenceTable]
    tokens: dict[str, TokenRows]
    other: dict[str, TokenRows]
    shifted: list[TokenRows]
    shifted_other: list[TokenRows]
    summary: dict[str, Any]
    targets: Targets | None = None


@dataclass(frozen=True)
class Encoding:
    """How rows become tokens.

    Attributes:
        tokenizer: Encodes the sequences.
        cache_dir: Where encoded splits are kept.
        max_tokens: The most tokens of a row, or of a window; none if the model has no limit.
        long_input: What becomes of longer rows.
        window_overlap_fraction: Share of a window's bases that the next one reads again.

    Raises:
        ValueError: If a number is out of range.
    """

    tokenizer: Tokenizer
    cache_dir: str
    max_tokens: int | None
    long_input: LongInput
    window_overlap_fraction: float

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError(f"max_tokens must be 1 or more, got {self.max_tokens}")
        if self.long_input not in CHOICES:
            raise ValueError(f"long_input must be {' or '.join(CHOICES)}, got {self.long_input!r}")
        if not 0 <= self.window_overlap_fraction < 1:
            raise ValueError(
                f"window_overlap_fraction must lie in [0, 1), got {self.window_overlap_fraction}"
            )

    @property
    def overlap(self) -> float | None:
        """Share of a window that the next one reads again; None if long rows are cut."""
        return self.window_overlap_fraction if self.long_input == "windows" else None

    @property
    def key(self) -> tuple[str | int | None, ...]:
        """All that the tokens of a row depend on beside its bases."""
        return self.tokenizer.fingerprint(), self.max_tokens, mode(self.overlap)

    def encode(self, table: SequenceTable) -> TokenRows:
        """Encode a split, or read what an earlier run encoded; see `tokenise`."""
        return tokenise(table, self.tokenizer, self.max_tokens, self.cache_dir, self.overlap)

    def encode_some(self, table: SequenceTable) -> TokenRows:
        """Encode a few single sequences, here and now; nothing is kept."""
        arrays = encode_sequences(table, self.tokenizer, self.max_tokens, self.overlap)
        return TokenRows(**arrays)


def encode_splits(
    task: Task, data_dir: str, encoding: Encoding, both_strands: Sequence[str]
) -> EncodedSplits:
    """Read, check and encode all splits of a task.

    Args:
        task: What is learned, from which data.
        data_dir: The folder with the benchmarks.
        encoding: How rows become tokens.
        both_strands: Splits that are encoded as reverse complements, too.

    Raises:
        InputError: If data are missing or wrong, or would be cut and may not.
    """
    splits = load_splits(task, data_dir)
    for table in splits.tables.values():
        check_rows(table, encoding.tokenizer)  # all of them before the first goes into the cache
    tokens = {split: encoding.encode(table) for split, table in splits.tables.items()}
    head, limit = (task.name, splits.unit), (encoding.max_tokens, encoding.long_input)
    long_rows = account_for_long_rows(*head, *count_long_rows(splits, tokens), *limit)
    other = {s: encoding.encode(splits.tables[s].other_strand()) for s in both_strands}
    counts = count_long_rows(splits, other)
    long_others = account_for_long_rows(*head, *counts, *limit, OTHER) if other else {}
    train = splits.tables["train"]
    shifted = _encode_views(task.name, splits, train, encoding)
    turned = train.other_strand() if shifted and "train" in both_strands else None
    shifted_other = [] if turned is None else _encode_views(task.name, splits, turned, encoding)
    summary = {
        **splits.summary,
        "tokens": _token_lengths(tokens),
        "max_tokens": encoding.max_tokens,
        **long_rows,
        "other_strand": {"tokens": _token_lengths(other), **long_others} if other else {},
        "jitter": {} if train.jitter is None else asdict(train.jitter),
    }
    return EncodedSplits(
        splits.tables, tokens, other, shifted, shifted_other, summary, splits.targets
    )


def _encode_views(
    task: str, splits: Splits, train: SequenceTable, encoding: Encoding
) -> list[TokenRows]:
    """Encode the training rows at each shift of their windows, on the strand of the table."""
    views = [encoding.encode(view) for view in train.views()]
    for view in views:
        counts = count_long_rows(splits, {"train": view})
        limit = encoding.max_tokens, encoding.long_input
        account_for_long_rows(task, splits.unit, *counts, *limit, SHIFTED)
    return views


def _token_lengths(tokens: dict[str, TokenRows]) -> dict[str, dict[str, float]]:
    found = {}
    for split, rows in tokens.items():
        lengths = rows.lengths()
        found[split] = {
            "min": int(lengths.min()),
            "mean": round(float(lengths.mean()), 3),
            "max": int(lengths.max()),
        }
    return found

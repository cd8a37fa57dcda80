"""What becomes of rows over a model's limit, counted, told and, by default, refused."""

import logging
from dataclasses import asdict
from typing import Any, Literal, get_args

from dnaft.data.splits import Splits
from dnaft.data.tokens import TokenRows
from dnaft.data.truncation import Truncation, count_truncation, describe_truncation
from dnaft.data.windows import Windowed, count_windows, describe_windows
from dnaft.errors import InputError

log = logging.getLogger(__name__)

LongInput = Literal["error", "windows", "cut"]
CHOICES: tuple[str, ...] = get_args(LongInput)

_OTHERWISE = "choose a model that takes more tokens or a tokenizer that makes fewer"
_REMEDIES = {
    "sequence": "Read them in overlapping windows with data.long_input=windows, cut their 3' ends "
    f"with data.long_input=cut, or {_OTHERWISE}",
    "pair": "Cut the 3' ends with data.long_input=cut, of the longer sequence of a pair first, or "
    f"{_OTHERWISE}",
}


def count_long_rows(
    splits: Splits, tokens: dict[str, TokenRows]
) -> tuple[dict[str, Truncation], dict[str, Windowed]]:
    """Count what was cut and what was parted into windows in each split.

    Args:
        splits: The tables.
        tokens: What `tokenise` made of some or all of them.
    """
    truncation = {
        split: count_truncation(splits.tables[split].lengths_bp(), rows.kept_bp)
        for split, rows in tokens.items()
    }
    return truncation, {split: count_windows(rows.windows()) for split, rows in tokens.items()}


def account_for_long_rows(
    task: str,
    unit: str,
    truncation: dict[str, Truncation],
    windowed: dict[str, Windowed],
    max_tokens: int | None,
    long_input: LongInput,
    strand: str = "",
) -> dict[str, Any]:
    """Say what was cut or parted into windows, and return the counts for result.json.

    Args:
        task: Name of the task, for messages.
        unit: What a row holds: `sequence` or `pair`.
        truncation: What was cut in each split.
        windowed: What was parted.
        max_tokens: The most tokens of a row or window.
        long_input: Whether it may cut.
        strand: What messages call the strand that is read, empty for the one given.

    Raises:
        InputError: If something was cut and `long_input` is `error`.
    """
    where = f"task {task}, {strand}, " if strand else f"task {task}, "
    cut = describe_truncation(truncation, max_tokens, unit)
    if cut and long_input == "error":
        raise InputError(f"{where}{cut}. {_REMEDIES[unit]}")
    if cut:
        log.warning("%s%s", where, cut)
    in_windows = describe_windows(windowed, max_tokens)
    if in_windows:
        log.info("%s%s", where, in_windows)
    return {
        "truncation": {split: asdict(found) for split, found in truncation.items()},
        "windows": {split: asdict(found) for split, found in windowed.items()},
    }

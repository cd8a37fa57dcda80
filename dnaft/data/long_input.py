"""What becomes of rows over a model's limit, counted, told and, by default, refused."""

import logging
from dataclasses import asdict
from typing import Any, Literal, get_args

from dnaft.data.splits import Splits
from dnaft.data.tokens import TokenRows
from dnaft.data.truncation import count_truncation, describe_truncation
from dnaft.data.windows import count_windows, describe_windows
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


def account_for_long_rows(
    task: str,
    splits: Splits,
    tokens: dict[str, TokenRows],
    max_tokens: int | None,
    long_input: LongInput,
    strand: str = "",
) -> dict[str, Any]:
    """Say what was cut or parted into windows, and return the counts for result.json.

    Args:
        task: Name of the task, for messages.
        splits: The tables.
        tokens: What `tokenise` made of some or all of them.
        max_tokens: The most tokens of a row or window.
        long_input: Whether it may cut.
        strand: What messages call the strand that is read, empty for the one given.

    Raises:
        InputError: If something was cut and `long_input` is `error`.
    """
    truncation = {
        split: count_truncation(splits.tables[split].lengths_bp(), rows.kept_bp)
        for split, rows in tokens.items()
    }
    windowed = {split: count_windows(rows.windows()) for split, rows in tokens.items()}
    where = f"task {task}, {strand}, " if strand else f"task {task}, "
    cut = describe_truncation(truncation, max_tokens, splits.unit)
    if cut and long_input == "error":
        raise InputError(f"{where}{cut}. {_REMEDIES[splits.unit]}")
    if cut:
        log.warning("%s%s", where, cut)
    in_windows = describe_windows(windowed, max_tokens)
    if in_windows:
        log.info("%s%s", where, in_windows)
    return {
        "truncation": {split: asdict(found) for split, found in truncation.items()},
        "windows": {split: asdict(found) for split, found in windowed.items()},
    }

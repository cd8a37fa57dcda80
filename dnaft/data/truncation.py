"""An account of what is cut off rows that do not fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnaft.errors import InputError


@dataclass(frozen=True)
class Truncation:
    """What the limit on tokens costs a split.

    Attributes:
        sequences: Rows that lose bases.
        rows: All rows.
        lost_bp: Bases lost in all.
        most_lost_bp: Bases the worst row loses.
        total_bp: Bases of all rows.
    """

    sequences: int
    rows: int
    lost_bp: int
    most_lost_bp: int
    total_bp: int


def count_truncation(lengths_bp: NDArray[np.int64], kept_bp: NDArray[np.int64]) -> Truncation:
    """Count the bases that were cut off.

    Args:
        lengths_bp: Bases of each row, (rows,).
        kept_bp: Bases that its tokens stand for, (rows,).
    """
    lost = lengths_bp - kept_bp
    return Truncation(
        sequences=int((lost > 0).sum()),
        rows=len(lost),
        lost_bp=int(lost.sum()),
        most_lost_bp=int(lost.max()),
        total_bp=int(lengths_bp.sum()),
    )


def describe_truncation(
    found: dict[str, Truncation], max_tokens: int | None, unit: str = "sequence"
) -> str:
    """Say in one sentence what is lost; empty if nothing is.

    Args:
        found: What `count_truncation` found in each split.
        max_tokens: The most tokens of a row.
        unit: What a row holds: `sequence` or `pair`.
    """
    parts = [
        f"{split} {t.sequences:,} of {t.rows:,} {unit}s lose {t.lost_bp:,} bp "
        f"(at most {t.most_lost_bp:,} bp each)"
        for split, t in found.items()
        if t.sequences
    ]
    return f"over the limit of {max_tokens} tokens: " + "; ".join(parts) if parts else ""


def no_room(place: str, max_tokens: int) -> InputError:
    """Return the error of a row of which nothing fits."""
    return InputError(
        f"{place}: no base fits into {max_tokens} tokens beside the prefix, the suffix and the "
        "special tokens; shorten method.prefix and method.suffix, or use a model that takes more "
        "tokens"
    )

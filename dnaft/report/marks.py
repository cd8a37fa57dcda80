"""Warnings that stand beside a number or behind a name: letters, and what each means."""

import math
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Self

from dnaft.record import RunRecord

ONE_SEED, LEAK, CUT, NOT_BY_DEV, REPEATED, CODE = "1", "L", "T", "C", "R", "V"
ON_TEST, EDGE, UNEQUAL, FEWER = "X", "E", "N", "F"
MEANING = {
    ONE_SEED: "one seed: the spread over seeds is unknown",
    LEAK: "sequences of one split are in another, too",
    CUT: "sequences were cut at the longest input",
    NOT_BY_DEV: "the checkpoint was not chosen by dev",
    ON_TEST: "the checkpoint was chosen on test, whose score is too good",
    REPEATED: "a seed was run more than once; the mean of its runs counts as one",
    CODE: "runs of more than one version of the code",
    EDGE: "a chosen setting is the lowest or highest of those tried; a better one may lie beyond",
    FEWER: "a setting with fewer seeds has a higher dev score; give it the others",
    UNEQUAL: "the two methods have unequal numbers of seeds",
}


class Marked(str):
    """A name with the warnings that stand behind it wherever it is shown.

    Attributes:
        marks: Letters.
    """

    marks: frozenset[str]

    def __new__(cls, name: str, marks: Iterable[str] = ()) -> Self:
        """Make a name of a text and its warnings."""
        made = super().__new__(cls, name)
        made.marks = frozenset(marks)
        return made


def marks_of(*names: str) -> frozenset[str]:
    """Return the warnings behind names, together.

    >>> marks_of("full", Marked("lora", "1L")) == {"1", "L"}
    True
    """
    return frozenset[str]().union(*(getattr(name, "marks", ()) for name in names))


def shortened(name: str, most: int) -> str:
    """Return a name of at most so many letters, its warnings kept.

    >>> shortened("released=alpha_dropout", 10)
    'released=…'
    """
    return name if len(name) <= most else Marked(f"{name[: most - 1]}…", marks_of(name))


def letters(marks: Iterable[str]) -> str:
    """Return warnings as they are printed."""
    return "".join(sorted(marks))


def explain(marks: Collection[str]) -> list[str]:
    """Return what letters mean, a line each."""
    return [f"{mark}: {text}" for mark, text in MEANING.items() if mark in marks]


def of_record(record: RunRecord) -> frozenset[str]:
    """Return the marks of one run."""
    checks = ((LEAK, _leaks), (CUT, _cut), (NOT_BY_DEV, _not_by_dev), (ON_TEST, _on_test))
    return frozenset(mark for mark, check in checks if check(record))


def _leaks(record: RunRecord) -> bool:
    task = record.config.get("task")
    # The counts are from before those rows of train were dropped.
    dropped = isinstance(task, Mapping) and task.get("drop_leaks") is True
    return any(
        _count(found, "exact") + _count(found, "rc")
        for pair, found in _parts(record.data, "leaks").items()
        if not (dropped and pair.startswith("train/"))
    )


def _cut(record: RunRecord) -> bool:
    return any(_count(split, "sequences") for split in _parts(record.data, "truncation").values())


def _on_test(record: RunRecord) -> bool:
    return bool(record.chosen.get("split") == "test")


def _not_by_dev(record: RunRecord) -> bool:
    if _on_test(record):
        return False  # which has a mark of its own
    if record.chosen.get("by_score") is False:
        return True  # it ended before its first look at dev, or was to keep the last weights
    chosen, dev = number(record.chosen["value"]), record.main_score("dev")
    return math.isnan(chosen) or not math.isclose(chosen, dev, rel_tol=1e-6, abs_tol=1e-9)


def _parts(data: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    found = data.get(key)
    parts = found.items() if isinstance(found, Mapping) else ()
    return {name: value for name, value in parts if isinstance(value, Mapping)}


def _count(found: Mapping[str, Any], key: str) -> int:
    value = found.get(key)
    return value if isinstance(value, int) else 0


def number(value: object) -> float:
    """Return a number of a record as float, nan where there is none or it has no end."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    # Compared, not converted: an integer may be too large for a float.
    return float(value) if abs(value) <= sys.float_info.max else math.nan

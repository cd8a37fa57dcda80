"""What each departure of a released program from its paper does to the score."""

import math
from collections.abc import Sequence

from dnaft.report.contents import Contents
from dnaft.report.groups import Group, marks_together
from dnaft.report.marks import UNEQUAL
from dnaft.report.paired_tests import Comparison, compare, holm
from dnaft.report.result_tables import make_table, rate
from dnaft.report.settings import show
from dnaft.report.tables import Cell, Table, count, number, p_value
from dnaft.report.variants import RELEASED

_COLUMNS = (
    ("task", False), ("model", False), ("method", False), ("lr", True), ("released", False),
    ("score", False), ("dev", True), ("test", True), ("spread", True), ("seeds", True),
    ("shared seeds", True), ("difference", True), ("95% low", True), ("95% high", True),
    ("p, t", True), ("p, t, Holm", True), ("settings", False),
)  # fmt: skip


def departure_table(contents: Contents) -> Table:
    """Return one line a departure: its score, and the difference to the runs without any."""
    families: dict[tuple[str, ...], list[Group]] = {}
    for one in contents.groups:
        if RELEASED in one.settings:
            cell = one.task, one.model, one.own_method, _others(one), f"{one.lr}"
            families.setdefault(cell, []).append(one)
    departing = [family for family in families.values() if any(one.released for one in family)]
    rows = [row for family in departing for row in _rows(family)]
    note = (
        "Test scores of runs as a paper's released program makes them (released=), mean and "
        "standard deviation over seeds. The difference is to the runs of the same task, model, "
        "method, settings and learning rate without any departure, one pair a seed that both "
        "have: Student's 95% interval, uncorrected, and the two-sided paired t test, corrected by "
        "Holm for the departures together. Where a method has runs without departures, dev does "
        f"not choose among the others.{contents.shown}"
    )
    return make_table("departures", "Departures of released programs", note, _COLUMNS, rows)


def _others(one: Group) -> str:
    """Return the settings beside the departure in words."""
    others = [(key, value) for key, value in one.settings.items() if key != RELEASED]
    return ", ".join(f"{key}={show(value)}" for key, value in others)


def _rows(family: Sequence[Group]) -> list[list[Cell]]:
    """Return the lines of groups that differ in what is released only, that of none first."""
    base = next((one for one in family if not one.released and not one.on_test), None)
    ordered = sorted(family, key=lambda one: (len(one.released), one.released))
    tests = [None if base is None or one is base else _against(one, base) for one in ordered]
    corrected = holm([math.nan if test is None else test.p_t for test in tests])
    return [
        _row(one, base, test, p) for one, test, p in zip(ordered, tests, corrected, strict=True)
    ]


def _against(one: Group, base: Group) -> Comparison | None:
    scores = {
        name: {str(seed): score for seed, score in of.by_seed("test").items()}
        for name, of in (("with", one), ("without", base))
    }
    return next(iter(compare(scores)), None)


def _row(one: Group, base: Group | None, test: Comparison | None, corrected: float) -> list[Cell]:
    compared = [number(math.nan, "")] * 6
    if test is not None and base is not None:
        unequal = {UNEQUAL} if one.test.count != base.test.count else set()
        compared = [
            count(test.pairs),
            number(test.difference, "+.4f", marks_together([one, base]) | unequal),
            number(test.low, "+.4f"),
            number(test.high, "+.4f"),
            p_value(test.p_t),
            p_value(corrected),
        ]
    return [
        Cell(one.task),
        Cell(one.model),
        Cell(one.own_method),
        rate(one.lr),
        Cell(str(one.settings[RELEASED])),
        Cell(one.metric),
        number(one.dev.mean, ".4f", one.marks),
        number(one.test.mean, ".4f", one.marks),
        number(one.test.deviation, ".4f"),
        count(one.test.count),
        *compared,
        Cell(_others(one)),
    ]

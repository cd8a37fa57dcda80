"""What dev chooses among the configurations of a method, and which may be compared."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dnaft.report.groups import Group
from dnaft.report.settings import is_number

Cell = tuple[str, str, str]

_LEAST_TRIED = 3  # values, of which two have others to either side


def eligible(groups: Iterable[Group]) -> list[Group]:
    """Return the groups that dev may choose among.

    Those that test chose for are left out where a method has others on the task; then those that
    depart from the paper, likewise.
    """
    cells: dict[Cell, list[Group]] = {}
    for one in groups:
        cell = one.task, one.model, one.own_method
        cells.setdefault(cell, []).append(one)
    return [one for found in cells.values() for one in purest(found)]


def purest(groups: Sequence[Group]) -> list[Group]:
    """Return the groups that dev chose for, if there are any, and without departures likewise."""
    least = min(map(_impurity, groups), default=None)
    return [one for one in groups if _impurity(one) == least]


def _impurity(one: Group) -> tuple[bool, bool]:
    return one.on_test, bool(one.released)


def choose(groups: Iterable[Group]) -> dict[Cell, Group]:
    """Return by task, model and method the group with the best mean dev score.

    Test scores play no part. Of those with the most seeds the best is taken, of equals the first:
    the best of many settings with one seed each is often a lucky one. Every score that may choose
    is the better the higher it is.

    Args:
        groups: What `eligible` returns.
    """
    cells: dict[Cell, list[Group]] = {}
    for one in groups:
        cells.setdefault((one.task, one.model, one.method), []).append(one)
    return {cell: with_remarks(best_of(tried), tried) for cell, tried in cells.items()}


def best_of(groups: Sequence[Group]) -> Group:
    """Return the group with the best mean dev score, of those with the most seeds."""
    most = max(one.seeds for one in groups)
    return max((one for one in groups if one.seeds == most), key=lambda one: one.merit)


def with_remarks(best: Group, tried: Sequence[Group]) -> Group:
    """Return a group that says how its settings lie among those tried.

    Args:
        best: The group.
        tried: The groups that it was chosen from.
    """
    edges = {}
    for key, value in best.settings.items():
        values = {one.settings[key] for one in tried if key in one.settings}
        numbers = sorted(float(str(other)) for other in values if is_number(other))
        if is_number(value) and len(numbers) >= _LEAST_TRIED:
            ends = {numbers[0]: "lowest", numbers[-1]: "highest"}
            if float(str(value)) in ends:
                edges[key] = f"{ends[float(str(value))]} of {len(numbers)} tried"
    surpassed = any(one.merit > best.merit for one in tried)
    return replace(best, edges=edges, surpassed=surpassed) if edges or surpassed else best


def contest(groups: Sequence[Group]) -> list[Group]:
    """Return those whose scores may be compared: where dev chose for some, no others."""
    return [one for one in groups if not one.on_test] or list(groups)

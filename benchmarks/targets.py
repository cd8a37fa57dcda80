"""The first table of docs/benchmarks.md: what was aimed at, and whether it was reached."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kept import find_cell, read
from tables import table


@dataclass(frozen=True)
class Cell:
    """Where a measured number stands.

    Attributes:
        of: What it is of, in words.
        benchmark: Name in bench.COMMANDS.
        row: First cells of the line.
        column: Header of the column; or a pattern of a sentence if `row` is empty.
    """

    of: str
    benchmark: str
    row: tuple[str, ...]
    column: str

    def text(self) -> str:
        """Return the number as it was printed, with its spread.

        Raises:
            SystemExit: If it is not there.
        """
        if self.row:
            return find_cell(self.benchmark, self.row, self.column)
        found = re.search(self.column, read(self.benchmark)[1])
        if found is None:
            raise SystemExit(f"{self.benchmark}: nothing like {self.column}; measure it again")
        return found[1]


@dataclass(frozen=True)
class Target:
    """What was aimed at.

    Attributes:
        what: In words.
        wanted: The number.
        cells: Where it was measured.
        limit: What stands in the way where it is missed.
        at_most: Whether less is better.
        unit: Behind the number.
    """

    what: str
    wanted: float
    cells: list[Cell]
    limit: str
    at_most: bool = False
    unit: str = ""

    def meets(self, cell: Cell) -> bool:
        """Whether the median of a cell is as good as wanted."""
        found = re.match(r"[\d.,]+", cell.text())
        if found is None:
            raise SystemExit(f"{cell.benchmark}: {cell.text()} is no number")
        value = float(found[0].replace(",", ""))
        return value <= self.wanted if self.at_most else value >= self.wanted


def show_targets(targets: Iterable[Target]) -> str:
    """Return the table, and below it what limits those that are missed."""
    lines = [["", "of", "target", "measured", "met"]]
    limits = []
    for target in targets:
        wanted = f"{'≤' if target.at_most else '≥'} {target.wanted:g}{target.unit}"
        for cell in target.cells:
            met = target.meets(cell)
            measured = f"{cell.text()}{target.unit}"
            lines.append([target.what, cell.of, wanted, measured, "yes" if met else "no"])
        if not all(target.meets(cell) for cell in target.cells):
            limits.append(f"- {target.what}: {target.limit}.")
    below = "\n\nWhat limits those that are missed:\n\n" + "\n".join(limits) if limits else ""
    return table(lines) + below

"""Published numbers beside measured ones."""

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dnaft.record import RunRecord
from dnaft.report.contents import Contents
from dnaft.report.groups import Group, best_of
from dnaft.report.tables import Cell, Table, number

SOURCES = {
    "AdaLoRA+RS": "Zhan & Zhang, GenBio workshop 2023, AUC of Table 2, MCC of Table S2",
    "LINGO": "Zhan, Wu & Zhang, LINGO, AUC of Tables 1 and S3, MCC of Table S2",
    "SpeciesLM report": "Fang, Shrestha, Yurt & Zemchyk 2024, best scores in its sections 3 and 4",
}
_ONE_HOT = "one-hot"
# What LINGO calls one-hot.
_BY_BASE = ("CharacterTokenizer", "OneHotTokenizer", "BaseByBaseTokenizer")


@dataclass(frozen=True)
class Published:
    """One number of a paper.

    Attributes:
        source: One of `SOURCES`.
        table: Its table or section.
        task: Our name of the task.
        model: Our name of the model.
        method: Our name of the method, or `not said`.
        variant: What else tells it from others, such as the tokens.
        metric: Our name of the score.
        parameters: Trainable parameters as printed.
        value: The number.
        note: What to mind.
    """

    source: str
    table: str
    task: str
    model: str
    method: str
    variant: str
    metric: str
    parameters: str
    value: float
    note: str


@cache
def read_published() -> tuple[Published, ...]:
    """Return all numbers, in the order of the sources."""
    content = (files("dnaft") / "assets" / "report" / "published.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(content.splitlines())
    return tuple(Published(**{**row, "value": float(row["value"])}) for row in rows)  # type: ignore[arg-type]


def published_table(contents: Contents) -> Table:
    """Return the numbers of each source and those measured, by task, model, method and score.

    Of tasks that the runs have; a task of other data, such as without leaks, counts as the task.
    """
    lines: dict[tuple[str, ...], dict[str, list[Published]]] = {}
    tasks = {run.record.task for run in contents.runs}
    for one in read_published():
        if one.task in tasks:
            key = (one.task, one.model, one.method, one.variant, one.metric)
            lines.setdefault(key, {}).setdefault(one.source, []).append(one)
    rows = tuple(_row(contents, key, found) for key, found in sorted(lines.items()))
    head = ("task", "model", "method", "variant", "score", *(f"paper: {s}" for s in SOURCES))
    numeric = (False,) * 5 + (True,) * (len(SOURCES) + 3)
    return Table(
        "published",
        "Published and measured",
        "Test scores. Where the papers disagree, both numbers stand here. Measured: of the "
        "configurations with pretrained weights, and with the tokens or the rank of the variant, "
        "the one that dev chose. The papers do not say how many "
        "seeds they ran. " + ". ".join(f"{name}: {what}" for name, what in SOURCES.items()) + ".",
        (*head, "measured", "spread", "seeds", "note"),
        (*numeric, False),
        rows,
    )


def _row(
    contents: Contents, key: tuple[str, ...], found: dict[str, list[Published]]
) -> tuple[Cell, ...]:
    papers = []
    for source in SOURCES:
        values = list(dict.fromkeys(one.value for one in found.get(source, ())))
        shown = " / ".join(f"{value:.4g}" for value in values)
        papers.append(Cell(shown, values[0]) if values else Cell("-", math.nan))
    notes = dict.fromkeys(one.note for of in found.values() for one in of if one.note)
    mine = _measured(contents, key)
    cells = [Cell(part) for part in key]
    if mine is None:
        blank = number(math.nan, "")
        return (*cells, *papers, blank, blank, blank, Cell("; ".join(notes)))
    score = mine.summary("test", key[-1])
    return (
        *cells,
        *papers,
        number(score.mean, ".4f", mine.marks),
        number(score.deviation, ".4f"),
        Cell(str(score.count), float(score.count)),
        Cell("; ".join(notes)),
    )


def _measured(contents: Contents, key: tuple[str, ...]) -> Group | None:
    """Return the configuration that fits a published number, of several the one of dev."""
    task, model, method, variant, _ = key
    fitting = [
        one
        for one in contents.groups
        if (one.runs[0].record.task, one.runs[0].record.model, one.method) == (task, model, method)
        and _fits(one.runs[0].record, variant)
    ]
    return best_of(fitting) if fitting else None


def _fits(record: RunRecord, variant: str) -> bool:
    """Return whether a run has pretrained weights, and the tokens and rank of a variant."""
    model, tokenizer, method = (
        part if isinstance(part := record.config.get(name), Mapping) else {}
        for name in ("model", "tokenizer", "method")
    )
    if "source" in model and model["source"] is None:
        return False
    by_base = str(tokenizer.get("_target_")).endswith(_BY_BASE)
    if by_base != (variant == _ONE_HOT):
        return False
    rank = re.fullmatch(r"rank (\d+)", variant)
    return rank is None or method.get("rank") == int(rank[1])

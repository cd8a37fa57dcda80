"""Published numbers beside measured ones."""

import math
import re
from collections.abc import Mapping

from dnaft.record import RunRecord
from dnaft.report.choice import best_of, purest
from dnaft.report.contents import Contents
from dnaft.report.groups import Group, marks_together
from dnaft.report.published import SOURCES, SUITES, TOP_TWO, Published, read_published
from dnaft.report.tables import Cell, Table, count, number
from dnaft.report.top_two import best_two

_ONE_HOT = "one-hot"
# What LINGO calls one-hot.
_BY_BASE = ("CharacterTokenizer", "OneHotTokenizer", "BaseByBaseTokenizer")
_LEAST_MODELS = 3  # both of two are always among the two best

Line = tuple[str, str, str, str, str]
Ran = dict[tuple[str, str, str], list[Group]]  # by names of task, model and method in the record


def published_table(contents: Contents) -> Table:
    """Return the numbers of each source and those measured, by task, model, method and score.

    Of tasks that the runs have; a task of other data, such as without leaks, counts as the task.
    """
    lines: dict[Line, dict[str, list[Published]]] = {}
    tasks = {run.record.task for run in contents.runs}
    for one in read_published():
        if tasks & {one.task, *SUITES.get(one.task, ((), ""))[0]}:
            key = (one.task, one.model, one.method, one.variant, one.metric)
            lines.setdefault(key, {}).setdefault(one.source, []).append(one)
    ran: Ran = {}
    for group in contents.groups:
        record = group.runs[0].record
        ran.setdefault((record.task, record.model, record.method), []).append(group)
    rows = tuple(_row(ran, key, found) for key, found in sorted(lines.items()))
    head = (
        *("task", "model", "method", "variant", "score"),
        *(f"paper: {source}" for source in SOURCES),
        *("paper parameters", "measured", "spread", "seeds", "settings", "note"),
    )
    numeric = (*[False] * 5, *[True] * len(SOURCES), False, *[True] * 3, False, False)
    note = (
        "Test scores. Where the papers disagree, both numbers stand here. Measured: of the "
        "configurations with pretrained weights, and with the tokens or the rank of the variant, "
        "the one that dev chose; runs that test chose for, or with departures of a released "
        f"program, only where there are no others. {TOP_TWO}: on how many tasks the model is among "
        "the two best of the paper's models under the same method. The papers do not say how many "
        "seeds they ran. "
    )
    sources = ". ".join(f"{name}: {what}" for name, what in SOURCES.items())
    return Table("published", "Published and measured", f"{note}{sources}.", head, numeric, rows)


def _row(ran: Ran, key: Line, found: dict[str, list[Published]]) -> tuple[Cell, ...]:
    papers = []
    for source in SOURCES:
        printed = list({one.value: one.printed for one in found.get(source, ())}.values())
        papers.append(Cell(" / ".join(printed), printed[0]) if printed else Cell("-", math.nan))
    every = [one for of in found.values() for one in of]
    parameters = dict.fromkeys(one.parameters for one in every if one.parameters)
    notes = dict.fromkeys(one.note for one in every if one.note)
    return (
        *map(Cell, key),
        *papers,
        Cell(" / ".join(parameters)),
        *(_count_top(ran, key) if key[-1] == TOP_TWO else _score(ran, key)),
        Cell("; ".join(notes)),
    )


def _score(ran: Ran, key: Line) -> list[Cell]:
    """Return score, spread, seeds and settings of what was measured."""
    mine = _measured(ran, key)
    score = None if mine is None else mine.summary("test", key[-1])
    if mine is None or score is None or math.isnan(score.mean):
        return [*[number(math.nan, "")] * 3, Cell("")]
    said = [mine.name, f"lr={mine.lr:g}" if "lr" not in mine.settings and mine.lr > 0 else ""]
    return [
        number(score.mean, ".4f", mine.marks),
        number(score.deviation, ".4f"),
        count(score.count),
        Cell(", ".join(filter(None, said))),
    ]


def _count_top(ran: Ran, key: Line) -> list[Cell]:
    """Return on how many of the measured tasks a model is among the two best of its method."""
    suite, model, method, variant, _ = key
    tasks, metric = SUITES[suite]
    models = dict.fromkeys(one.model for one in read_published() if one.task in tasks)
    hits: list[bool] = []
    marks = frozenset[str]()
    for task in tasks:
        there = {m: _measured(ran, (task, m, method, variant, metric)) for m in models}
        rivals = [
            one
            for one in there.values()
            if one is not None and not math.isnan(one.mean("test", metric))
        ]
        if there[model] in rivals and len(rivals) >= _LEAST_MODELS:
            hits.append(there[model] in best_two(rivals, metric))
            marks |= marks_together(rivals)
    blank = number(math.nan, "")
    if not hits:
        return [blank, blank, blank, Cell("")]
    return [Cell(f"{sum(hits)} of {len(hits)}", float(sum(hits)), marks), blank, blank, Cell("")]


def _measured(ran: Ran, key: Line) -> Group | None:
    """Return the configuration that fits a published number, of several the one of dev."""
    variant = key[3]
    fitting = [one for one in ran.get(key[:3], ()) if _fits(one.runs[0].record, variant)]
    return best_of(purest(fitting)) if fitting else None


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

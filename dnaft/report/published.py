"""The numbers that the papers print."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dnaft.report.families import MARKS

SOURCES = {
    "AdaLoRA+RS": "Zhan & Zhang, GenBio workshop 2023, AUC of Table 2, MCC of Table S2, Table 3",
    "LINGO": "Zhan, Wu & Zhang, LINGO, AUC of Tables 1 and S3, MCC of Table S2, AUC that the text "
    "gives of Figure 5",
    "SpeciesLM report": "Fang, Shrestha, Yurt & Zemchyk 2024, best scores in its sections 3 and 4",
}
TOP_TWO = "top2"  # the score that counts tasks
# What is counted over: tasks, and the score they are ranked by.
SUITES = {
    "promoters": (("prom_all", "prom_notata", "prom_tata"), "auroc"),
    "yeast histone marks": (MARKS, "mcc"),
}


@dataclass(frozen=True)
class Published:
    """One number of a paper.

    Attributes:
        source: One of `SOURCES`.
        table: Its table, figure or section.
        task: Our name of the task, or one of `SUITES`.
        model: Our name of the model.
        method: Our name of the method, or `not said`.
        variant: What else tells it from others, such as the tokens.
        metric: Our name of the score, or `TOP_TWO`.
        parameters: Trainable parameters as printed.
        value: The number.
        printed: The number as printed, with its zeros.
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
    printed: str
    note: str


@cache
def read_published() -> tuple[Published, ...]:
    """Return all numbers, in the order of the sources."""
    content = (files("dnaft") / "assets" / "report" / "published.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(content.splitlines())
    return tuple(
        Published(**{**row, "value": float(row["value"]), "printed": row["value"]})  # type: ignore[arg-type]
        for row in rows
    )

"""Figures of label_scores.csv: the labels of a multi-label task in two configurations."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from dnaft.label_correlation import correlate_labels
from dnaft.label_table import LabelScore
from dnaft.report.charts import Chart, Figure, Heat, Plot, Point, Series
from dnaft.report.contents import Contents
from dnaft.report.groups import Group
from dnaft.report.marks import Marked, marks_of
from dnaft.report.side_files import read_labels


def label_figures(contents: Contents) -> tuple[Figure, Figure]:
    """Return the areas of labels in two configurations (LINGO Fig. 5c, 5d), and how alike (5e)."""
    scatters: list[Chart] = []
    maps: list[Chart] = []
    for task in contents.tasks:
        tables: dict[str, list[LabelScore]] = {}
        for one in [*contents.of_task(task), *contents.baselines.get(task, {}).values()]:
            labels = mean_labels(one)
            if labels:
                name = one.method if one.is_baseline else f"{one.method} · {one.model}"
                tables[Marked(name, one.marks)] = labels
        for (x, first), (y, second) in combinations(tables.items(), 2):
            chart = _scatter(task, (x, first), (y, second))
            if chart is not None:
                scatters.append(chart)
        if len(tables) > 1:
            try:
                matrix, kept, _ = correlate_labels(list(tables.values()))
            except ValueError:
                continue  # labels differ: there is nothing to compare
            names, values = tuple(tables), tuple(map(tuple, matrix))
            title = f"{task}, {kept} labels"
            low = min((v for row in values for v in row if v == v), default=0.0)
            maps.append(Heat(title, names, names, values, ".3f", "Pearson correlation", low, 1.0))
    return (
        Figure(
            "labels",
            "Area under the ROC curve of each label",
            "One point a label of the test split, the mean over seeds. Above the diagonal the "
            "second configuration is better.",
            tuple(scatters),
            "pair",
        ),
        Figure(
            "label_correlation",
            "How alike the labels go",
            "Pearson's correlation, over labels, of the areas of two configurations.",
            tuple(maps),
        ),
    )


def mean_labels(one: Group) -> list[LabelScore]:
    """Return the test areas of each label, the mean over the runs that have them."""
    tables = [
        [label for label in read_labels(run.path) if label.split == "test"] for run in one.runs
    ]
    tables = [table for table in tables if table]
    sizes = Counter(map(len, tables))
    if len(sizes) != 1:
        return []
    return [
        LabelScore(
            same[0].split,
            same[0].label,
            same[0].name,
            same[0].rows,
            same[0].positives,
            statistics.fmean(label.auroc for label in same),
            statistics.fmean(label.auprc for label in same),
        )
        for same in zip(*tables, strict=True)
    ]


def _scatter(
    task: str,
    first: tuple[str, Sequence[LabelScore]],
    second: tuple[str, Sequence[LabelScore]],
) -> Plot | None:
    names = [[(label.label, label.name) for label in table] for _, table in (first, second)]
    if names[0] != names[1]:
        return None
    points = tuple(
        Point(a.auroc, b.auroc, f"{a.name or a.label}\n{first[0]} {a.auroc:.4f}\n"
              f"{second[0]} {b.auroc:.4f}")
        for a, b in zip(first[1], second[1], strict=True)
        if math.isfinite(a.auroc + b.auroc)
    )  # fmt: skip
    if not points:
        return None
    series = (Series("labels", points),)
    title = f"{task}: {first[0]} and {second[0]}"
    x, y = (Marked(f"AUROC, {name}", marks_of(name)) for name, _ in (first, second))
    return Plot(title, x, y, series, diagonal=True)

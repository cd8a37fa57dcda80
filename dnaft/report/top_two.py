"""How often a method is among the two best."""

import math
from collections.abc import Mapping, Sequence

from dnaft.report.charts import Figure, Level, Plot, Point, Series
from dnaft.report.choice import contest
from dnaft.report.contents import Contents
from dnaft.report.groups import Group, marks_together
from dnaft.report.marks import Marked

_TOP = 2


def top_two(contents: Contents) -> Figure:
    """Return how often each method is among the two best of its model, LINGO Fig. 4e and 4f."""
    charts = []
    for model in contents.models:
        top: dict[str, int] = {}
        found: dict[str, list[Group]] = {}
        fields: dict[str, list[Group]] = {}
        for task in contents.tasks:
            rivals = [
                one
                for one in contest([one for one in contents.of_task(task) if one.model == model])
                if not math.isnan(one.test.mean)
            ]
            if len(rivals) <= _TOP:
                continue  # both of two are always among the two best
            best = best_two(rivals)
            if not rivals[0].on_test:
                fields[task] = rivals
            for one in rivals:
                found.setdefault(one.method, []).append(one)
                top[one.method] = top.get(one.method, 0) + (one in best)
        if found:
            levels = _baseline_levels(contents, fields)
            charts.append(_top_chart(contents, model, top, found, levels))
    return Figure(
        "top_two",
        "Among the two best",
        "On how many tasks a method is one of the two best of its model by test score, ties "
        "counted for both; tasks with three methods or more. The pale bars, or broken "
        "outlines, are the tasks in all. A line is how often a trivial baseline would be one of "
        "the two best, were it a method."
        f"{contents.shown}",
        tuple(charts),
        "model",
    )


def best_two(rivals: Sequence[Group], metric: str | None = None) -> list[Group]:
    """Return the two with the best test scores, and those equal to the second."""
    scores = [one.mean("test", metric) for one in rivals]
    bound = sorted(scores, reverse=True)[:_TOP][-1]
    return [one for one, score in zip(rivals, scores, strict=True) if score >= bound]


def _baseline_levels(
    contents: Contents, fields: Mapping[str, Sequence[Group]]
) -> tuple[Level, ...]:
    """Return on how many tasks each trivial baseline would be among the two best.

    Args:
        contents: The runs.
        fields: By task the methods of one model; each baseline joins them alone.
    """
    levels = []
    for name in sorted({name for task in fields for name in contents.baselines.get(task, {})}):
        known = {
            task: one
            for task in fields
            if (one := contents.baselines.get(task, {}).get(name)) is not None
            and not math.isnan(one.test.mean)
        }
        if known:
            hits = sum(one in best_two([*fields[task], one]) for task, one in known.items())
            said = f"{name}: would be on {hits} of {len(known)} tasks"
            levels.append(Level(Marked(name, marks_together(known.values())), float(hits), said))
    return tuple(levels)


def _top_chart(
    contents: Contents,
    model: str,
    top: Mapping[str, int],
    found: Mapping[str, Sequence[Group]],
    levels: tuple[Level, ...],
) -> Plot:
    series = []
    for at, method in enumerate(sorted(found)):
        said = f"{method}: {top[method]} of {len(found[method])} tasks"
        pale = Point(at, len(found[method]), said, partial=True)
        name, colour = (
            Marked(method, marks_together(found[method])),
            contents.palette.colours[method],
        )
        series.append(Series(name, (pale, Point(at, top[method], said)), colour=colour))
    axis = tuple(one.name for one in series)
    return Plot(
        model, "", "tasks", tuple(series), levels, axis, form="bars", stacked=True, whole=True
    )

"""Attention against length, LINGO Fig. 5a: counted from the configuration, not measured."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dnaft.report.charts import Figure, Plot, Point, Series
from dnaft.report.contents import Contents
from dnaft.report.groups import Group
from dnaft.report.marks import number
from dnaft.report.runs import Run

_ROOM = 2.0  # lines go on by this factor to either side of the tasks
_NEAR = 1.3  # tasks whose lengths differ by less share a name in the plot
_NAMED = 2  # tasks in such a name


@dataclass(frozen=True)
class Attention:
    """What a model spends on attention.

    Attributes:
        layers: Their number.
        heads: Of each layer.
        stride: Tokens that go into one place of its layers.
    """

    layers: int
    heads: int
    stride: int = 1

    def products(self, tokens: float) -> float:
        """Return the products of queries and keys in one pass over a sequence."""
        return self.layers * self.heads * (tokens / self.stride) ** 2


def attention_of(run: Run) -> Attention | None:
    """Return the shape of full attention; None of models with another kind, or none.

    Models without heads (convolutions, state spaces) and those that look at near tokens only in
    some layers do not grow with the square of the length.
    """
    model = run.record.config.get("model")
    shape = model.get("architecture") if isinstance(model, Mapping) else None
    if not isinstance(shape, Mapping) or "local_attention" in shape:
        return None
    counts = [shape.get(key, 1) for key in ("num_hidden_layers", "num_attention_heads", "stride")]
    known = {"num_hidden_layers", "num_attention_heads"} <= set(shape)
    if not known or any(not isinstance(count, int) or count < 1 for count in counts):
        return None
    return Attention(*counts)


def mean_lengths(one: Group) -> tuple[float, float]:
    """Return the mean bases and tokens of a training row, nan unless rows were read whole."""
    windows, cut, tokens = (
        _of_train(one.runs[0], part) for part in ("windows", "truncation", "tokens")
    )
    if windows.get("sequences") or cut.get("sequences") or not cut.get("rows"):
        return math.nan, math.nan
    return number(cut.get("total_bp")) / number(cut.get("rows")), number(tokens.get("mean"))


def _of_train(run: Run, part: str) -> Mapping[str, object]:
    splits = run.record.data.get(part)
    found = splits.get("train") if isinstance(splits, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def attention_by_length(contents: Contents) -> Figure:
    """Return the attention products of each model by the bases of a sequence."""
    shapes: dict[str, Attention] = {}
    lengths: dict[str, dict[str, tuple[float, float]]] = {}
    for (task, model, _), one in contents.best.items():
        shape, (bases, tokens) = attention_of(one.runs[0]), mean_lengths(one)
        if shape is not None and bases > 0 and tokens > 0:
            shapes[model] = shape
            # A prefix in words makes some methods' rows longer; the shortest have none.
            known = lengths.setdefault(model, {}).get(task, (bases, math.inf))
            lengths[model][task] = bases, min(tokens, known[1])
    every = [bases for of_model in lengths.values() for bases, _ in of_model.values()]
    lines, dots = [], []
    for model, of_model in sorted(lengths.items()):
        colour, products = contents.palette.shapes[model], shapes[model].products
        rate = statistics.fmean(tokens / bases for bases, tokens in of_model.values())
        ends = (min(every) / _ROOM, max(every) * _ROOM)
        line = tuple(Point(bases, products(rate * bases)) for bases in ends)
        lines.append(Series(model, line, colour=colour, joined=True, dotted=False))
        points = tuple(
            Point(bases, products(tokens), f"{model} · {task}\n{bases:,.0f} bases, "
                  f"{tokens:,.0f} tokens\n{products(tokens):.3g} products")
            for task, (bases, tokens) in of_model.items()
        )  # fmt: skip
        dots.append(Series(model, points, colour=colour, shape=colour))
    names = _names({task: at[0] for of_model in lengths.values() for task, at in of_model.items()})
    series = (*lines, *_with_names(dots, names))
    label = "products of one pass over a sequence"
    plot = Plot("layers · heads · tokens²", "bases", label, series, x_log=True, y_log=True)
    return Figure(
        "attention",
        "Attention against length",
        "Counted from the configuration, not measured: each head of each layer multiplies every "
        "two tokens, layers · heads · tokens² in one pass; both axes are logarithmic. Marks are "
        "the tasks, at the mean bases and tokens of their training rows; the lines go on with the "
        "tokens that a base takes there. LINGO does not print the formula of its Figure 5a. Left "
        "out are models that do not attend to all tokens, and rows that were cut or read in "
        "windows; what else a step costs is not in it.",
        (plot,) if series else (),
        "count",
    )


def _names(bases: Mapping[str, float]) -> dict[float, str]:
    """Return by length what is written there: tasks of about that length."""
    near: list[list[str]] = []
    for task in sorted(bases, key=lambda task: (bases[task], task)):
        if near and bases[task] < _NEAR * bases[near[-1][0]]:
            near[-1].append(task)
        else:
            near.append([task])
    return {
        bases[tasks[0]]: ", ".join(tasks[:_NAMED])
        + (f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else "")
        for tasks in near
    }


def _with_names(dots: list[Series], names: dict[float, str]) -> list[Series]:
    """Return the marks, those with names that lie lowest at their length."""
    lowest: dict[float, float] = {}
    for one in dots:
        for point in one.points:
            lowest[point.x] = min(point.y, lowest.get(point.x, math.inf))
    named = []
    for one in dots:
        points = []
        for point in one.points:
            name = names.pop(point.x, "") if point.y == lowest[point.x] else ""
            points.append(replace(point, beside=name))
        named.append(replace(one, points=tuple(points)))
    return named

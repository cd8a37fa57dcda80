"""Figures from the files beside result.json: curves of training, layers, ranks."""

import math
import statistics
from dataclasses import replace

from dnaft.report.charts import Chart, Figure, Heat, Plot, Point, Series
from dnaft.report.contents import Contents
from dnaft.report.groups import Group
from dnaft.report.marks import Marked, marks_of
from dnaft.report.side_files import (
    Curve,
    read_curves,
    read_last_ranks,
    read_layers,
)

_MOST_POINTS = 120
_MOST_LAYERS = 13  # with a tick
_LOSS = "train/loss"


def training_curves(contents: Contents) -> tuple[Figure, Figure]:
    """Return training losses by step, and dev scores by steps of equal cost (LINGO Fig. 5b)."""
    losses: list[Chart] = []
    costs: list[Chart] = []
    for task in contents.tasks:
        found = contents.of_task(task)
        loss_series, score_series = [], []
        dearest = max(filter(_is_cost, map(_step_cost, found)), default=math.nan)
        for one in found:
            dev = f"dev/{one.metric}"
            curves = _mean_curves(one, (_LOSS, dev))
            share, ahead = _step_cost(one) / dearest, _read_cost(one) / dearest
            if _LOSS in curves:
                points = [Point(x, y) for x, y in thinned(curves[_LOSS])]
                loss_series.append(contents.series(one, points, joined=True, dotted=False))
            if dev in curves and math.isfinite(share):
                said = f"{one.method} · {one.model}\nstep"
                points = [
                    Point(ahead + x * share, y, f"{said} {x:,.0f}\n{dev} {y:.4f}")
                    for x, y in curves[dev]
                ]
                score_series.append(contents.series(one, points, joined=True))
        if loss_series:
            losses.append(Plot(task, "optimiser steps", "training loss", tuple(loss_series)))
        if score_series:
            levels = contents.levels(task, split="dev")
            label, y = "FLOPs-adjusted steps", f"dev {found[0].metric}"
            costs.append(Plot(task, label, y, tuple(score_series), levels))
    return (
        Figure(
            "loss",
            "Training loss",
            "Of the configurations that dev chose, the mean over seeds; neighbouring steps are "
            f"averaged where there are more than {_MOST_POINTS}.",
            tuple(losses),
        ),
        Figure(
            "flops",
            "Score against compute",
            "Dev scores during training, the mean over seeds. A step counts for as much as its "
            "floating-point operations are of those of the dearest configuration of the task, so "
            "that equal places on the axis cost alike. Where frozen layers are computed once and "
            f"kept, the curve begins with what that takes.{contents.shown}",
            tuple(costs),
        ),
    )


def _mean_curves(one: Group, names: tuple[str, ...]) -> dict[str, Curve]:
    """Return the curves of a configuration, the mean over its runs at steps that all reached."""
    found = [read_curves(run.path, names) for run in one.runs]
    means = {}
    for name in names:
        curves = [dict(curves[name]) for curves in found if name in curves]
        if curves:
            steps = sorted(set.intersection(*map(set, curves)))
            means[name] = [(x, statistics.fmean(curve[x] for curve in curves)) for x in steps]
    return {name: curve for name, curve in means.items() if curve}


def _step_cost(one: Group) -> float:
    return one.value("flops", "per_step")


def _read_cost(one: Group) -> float:
    cost = one.value("flops", "read")
    return cost if _is_cost(cost) else 0.0


def _is_cost(value: float) -> bool:
    return math.isfinite(value) and value > 0


def thinned(curve: Curve) -> Curve:
    """Return at most 120 points, each the mean of as many neighbours."""
    size = math.ceil(len(curve) / _MOST_POINTS)
    parts = [curve[at : at + size] for at in range(0, len(curve), size)]
    return [
        (statistics.fmean(x for x, _ in part), statistics.fmean(y for _, y in part))
        for part in parts
    ]


def layer_curves(contents: Contents) -> Figure:
    """Return the score of the probe of each layer."""
    charts = []
    for task in contents.tasks:
        series = []
        for one in contents.of_task(task):
            curves = read_layers(one.runs[0].path, one.metric)
            chosen = _best_layer(one)
            for split, curve in curves.items():
                points = tuple(
                    Point(
                        x,
                        y,
                        f"{one.model}, {split}\nlayer {x:.0f}: {y:.4f}",
                        ringed=split == "dev" and x == chosen,
                    )
                    for x, y in curve
                )
                shape = contents.palette.shapes[one.model]
                colour = int(split == "test")
                name = Marked(split, one.marks)
                series.append(Series(name, points, one.model, colour, shape, joined=True))
                metric = one.metric
        if series:
            levels = tuple(
                replace(level, name=Marked(f"{level.name}, {split}", marks_of(level.name)))
                for split in ("dev", "test")
                for level in contents.levels(task, split=split)
            )
            layers = sorted({point.x for one in series for point in one.points})
            ticks = tuple(layers[:: math.ceil(len(layers) / _MOST_LAYERS)])
            shown = tuple(series)
            charts.append(Plot(task, "layer", metric, shown, levels, x_ticks=ticks))
    return Figure(
        "layers",
        "Probes of each layer",
        "A linear model on every hidden state; 0 is what enters the first layer. The ring marks "
        f"the layer with the best dev score. First seed.{contents.shown}",
        tuple(charts),
    )


def _best_layer(one: Group) -> float:
    """Return the layer with the best dev score of the score that chooses, nan without one."""
    curve = read_layers(one.runs[0].path, one.chooser).get("dev", [])
    known = [(y, -x) for x, y in curve if math.isfinite(y)]
    return -max(known)[1] if known else math.nan


def rank_maps(contents: Contents) -> Figure:
    """Return the rank that each matrix was left with."""
    charts = []
    for (task, model, method), one in contents.best.items():
        found = [ranks for run in one.runs if (ranks := read_last_ranks(run.path))]
        names = [name for name in found[0] if "." in name] if found else []
        if not names or any(set(ranks) != set(found[0]) for ranks in found):
            continue
        mean = {name: statistics.fmean(ranks[name] for ranks in found) for name in names}
        layers = list(dict.fromkeys(name.partition(".")[0] for name in names))
        roles = list(dict.fromkeys(name.partition(".")[2] for name in names))
        values = tuple(
            tuple(mean.get(f"{layer}.{role}", math.nan) for layer in layers) for role in roles
        )
        form = ".0f" if len(found) == 1 else ".1f"
        columns = tuple(f"layer {int(x)}" if x.isdigit() else x for x in layers)
        title = Marked(f"{task}, {model}, {method}", one.marks)
        top = max(mean.values())
        charts.append(Heat(title, tuple(roles), columns, values, form, "rank", 0.0, top))
    return Figure(
        "ranks",
        "Where the ranks went",
        "Rank of each matrix after the last allocation, the mean over seeds; layers from the input "
        "on.",
        tuple(charts),
        "task, model and method",
    )

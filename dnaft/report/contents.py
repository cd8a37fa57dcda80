"""All that a report is made from: runs, groups, the choices of dev, baselines, colours."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dnaft.errors import counted
from dnaft.report.charts import Level, Point, Series
from dnaft.report.choice import Cell, best_of, choose, eligible, with_remarks
from dnaft.report.groups import Group, group
from dnaft.report.marks import explain
from dnaft.report.palette import Palette
from dnaft.report.runs import Run


@dataclass(frozen=True, eq=False)
class Contents:
    """What is known of all runs.

    Attributes:
        runs: Every run that could be read.
        problems: What was wrong with each file that could not.
        groups: The runs by configuration.
        compared: Those that dev may choose among.
        best: By task, model and method the configuration that dev chose; no baselines.
        baselines: By task the configuration of each trivial baseline that dev chose.
        palette: Colours of methods, markers of models.
    """

    runs: Sequence[Run]
    problems: Sequence[str]
    groups: Sequence[Group]
    compared: Sequence[Group]
    best: dict[Cell, Group]
    baselines: dict[str, dict[str, Group]]
    palette: Palette

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, sorted."""
        return sorted({one.task for one in self.groups})

    @property
    def models(self) -> list[str]:
        """Names of the models, sorted, without the features of baselines."""
        return sorted({model for _, model, _ in self.best})

    def of_task(self, task: str) -> list[Group]:
        """Return the chosen configurations of a task."""
        return [one for (name, _, _), one in self.best.items() if name == task]

    def levels(
        self, task: str, metric: str | None = None, split: str = "test"
    ) -> tuple[Level, ...]:
        """Return what the trivial baselines score on a task."""
        found = {
            one.label: one.mean(split, metric) for one in self.baselines.get(task, {}).values()
        }
        return tuple(Level(name, y) for name, y in found.items() if not math.isnan(y))

    @property
    def shown(self) -> str:
        """What is to be said where the scores that are shown are not those that chose."""
        pairs = sorted({(one.metric, one.chooser) for one in self.groups})
        other = [f"{shown}, dev {chooser} chose" for shown, chooser in pairs if shown != chooser]
        return f" Shown is {'; '.join(other)}." if other else ""

    def series(self, one: Group, points: Iterable[Point], **look: bool) -> Series:
        """Return a series in the colour of its method and the marker of its model."""
        colour, shape = self.palette.colours[one.method], self.palette.shapes[one.model]
        return Series(one.label, tuple(points), one.model, colour, shape, **look)


def gather(runs: Sequence[Run], problems: Sequence[str]) -> Contents:
    """Return what there is to tell of the runs."""
    groups = group(runs)
    compared = eligible(groups)
    best = choose(one for one in compared if not one.is_baseline)
    trivial: dict[str, dict[str, list[Group]]] = {}
    for one in compared:
        if one.is_baseline:
            trivial.setdefault(one.task, {}).setdefault(one.method, []).append(one)
    baselines = {
        task: {method: with_remarks(best_of(tried), tried) for method, tried in methods.items()}
        for task, methods in trivial.items()
    }
    named = [one for one in groups if not one.is_baseline]
    palette = Palette.of((one.method for one in named), (one.model for one in named))
    return Contents(runs, problems, groups, compared, best, baselines, palette)


def describe(one: Group) -> str:
    """Return what is said of a configuration where it is pointed at."""
    lines = [f"{one.method} · {one.model} · {one.task}", one.name]
    if "lr" not in one.settings and not math.isnan(one.lr):
        lines.append(f"lr={one.lr:g}")
    lines += [f"{key}: {where}" for key, where in one.edges.items()]
    for split in ("test", "dev"):
        found = one.test if split == "test" else one.dev
        spread = "" if math.isnan(found.deviation) else f" ± {found.deviation:.4f}"
        lines.append(f"{split} {one.metric} {found.mean:.4f}{spread}")
    if one.metric != one.chooser:
        lines.append(f"dev {one.chooser} {one.merit:.4f}, which chose")
    lines.append("deterministic" if one.deterministic else counted(one.test.count, "seed"))
    lines += explain(one.marks)
    return "\n".join(line for line in lines if line)


def bars(one: Group, split: str = "test") -> tuple[float, float]:
    """Return the ends of an error bar: one standard deviation over seeds to either side."""
    found = one.test if split == "test" else one.dev
    return found.mean - found.deviation, found.mean + found.deviation

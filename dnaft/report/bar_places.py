"""Where bars stand that lie side by side."""

import math

from dnaft.report.charts import Plot


def bar_places(plot: Plot) -> tuple[int, dict[tuple[int, float], float]]:
    """Return how many bars the fullest category has, and where each bar stands.

    A category has places only for the series that have a bar in it, so no gap stands for a method
    that a model has no runs of.

    Returns:
        The number of bars, 1 where they are stacked; by place of series and of category how far the
        middle of a bar lies from that of the category, in bars.
    """
    found: dict[float, list[int]] = {}
    for at, series in enumerate(plot.series):
        for point in series.points:
            there = found.setdefault(point.x, [])
            if math.isfinite(point.y) and at not in there:
                there.append(at)
    if plot.stacked:
        return 1, {(at, x): 0.0 for x, there in found.items() for at in there}
    places = {
        (at, x): place - (len(there) - 1) / 2
        for x, there in found.items()
        for place, at in enumerate(there)
    }
    return max(map(len, found.values()), default=1) or 1, places

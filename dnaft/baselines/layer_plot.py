"""The curve of the probes: dev and test by layer."""

from collections.abc import Sequence
from pathlib import Path

from dnaft.baselines.layer_curve import ProbedLayer

_MOST_TICKS = 13


def plot_layers(curve: Sequence[ProbedLayer], chosen: int, metric: str, path: Path) -> None:
    """Draw the scores of dev and test by layer, and mark the layer that dev chose.

    Args:
        curve: All layers.
        chosen: Number of the chosen one.
        metric: Name of the score.
        path: PNG file to write.

    Raises:
        ValueError: If there is no layer to draw.
    """
    if not curve:
        raise ValueError("plot_layers: there is no layer")
    # Figure without pyplot: no display, no global state, safe in any process.
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    layers = [row.layer for row in curve]
    for split, marker, shade in (("dev", "o", 0.15), ("test", "s", 0.6)):
        values = [row.scores[split][metric] for row in curve]
        axis.plot(layers, values, marker=marker, color=colormaps["viridis"](shade), label=split)
    axis.axvline(chosen, color="0.6", linestyle=":", label=f"chosen on dev: {chosen}")
    step = -(-len(layers) // _MOST_TICKS)
    axis.set_xticks(layers[::step])
    axis.set_xlabel("layer (0: what enters the first)")
    axis.set_ylabel(metric)
    axis.legend()
    figure.suptitle(f"Linear probes of {len(layers)} hidden states")
    figure.savefig(path, dpi=150)

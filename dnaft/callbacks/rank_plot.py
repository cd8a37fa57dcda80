"""The heat map of ranks: layer by role, over time."""

from pathlib import Path

from dnaft.callbacks.allocation import AllocationHistory


def plot_ranks(history: AllocationHistory, path: Path) -> None:
    """Draw one panel a role: layers down, allocations across, colour the rank.

    Args:
        history: At least one allocation.
        path: PNG file to write.

    Raises:
        ValueError: If there is no allocation to draw.
    """
    if not history.rows:
        raise ValueError("plot_ranks: the run has no allocation")
    # Figure without pyplot: no display, no global state, safe in any process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name.split(".") for name in history.matrices]
    roles = list(dict.fromkeys(role for _, role in names))
    layers = sorted({int(layer) for layer, _ in names})
    steps = [row.step for row in history.rows]
    highest = max(history.matrices.values())

    figure = Figure(
        figsize=(2.2 * len(roles) + 1.6, min(10.0, 1.6 + 0.25 * len(layers) + 0.6)),
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(roles), sharey=True, squeeze=False)[0]
    for axis, role in zip(axes, roles, strict=True):
        columns = {int(layer): i for i, (layer, r) in enumerate(names) if r == role}
        grid = [
            [
                row.ranks[columns[layer]] if layer in columns else float("nan")
                for row in history.rows
            ]
            for layer in layers
        ]
        image = axis.imshow(
            grid, aspect="auto", cmap="viridis", vmin=0, vmax=highest, interpolation="nearest"
        )
        axis.set_title(role)
        axis.set_xlabel("optimiser step")
        shown = sorted({0, len(steps) // 2, len(steps) - 1})
        axis.set_xticks(shown, [f"{steps[i]:,}" for i in shown])
        axis.set_yticks(range(len(layers)), [str(layer) for layer in layers])
    axes[0].set_ylabel("layer")
    figure.colorbar(image, ax=list(axes), label="triplets kept", shrink=0.9)
    last = history.rows[-1]
    figure.suptitle(f"Ranks after {len(steps)} allocations: {last.kept} triplets kept")
    figure.savefig(path, dpi=150)

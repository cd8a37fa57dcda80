"""The scores of the probes by layer: as a file and as a table."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dnaft.baselines.choice import Choice
from dnaft.record import aligned_table


@dataclass(frozen=True, eq=False)
class ProbedLayer:
    """One layer and what its probe scores.

    Attributes:
        layer: Number; 0 is what enters the first layer.
        state: Which hidden state it is, in words.
        width: Of the hidden state.
        choice: The probe, and the penalty that dev chose.
        scores: Scores of `dev` and of `test`.
    """

    layer: int
    state: str
    width: int
    choice: Choice
    scores: dict[str, dict[str, float]]


def name_states(states: int) -> list[str]:
    """Return in words what `dnaft.models.layer_states.encode_layers` returns.

    >>> name_states(4)
    ['enters layer 1', 'leaves layer 1', 'leaves layer 2', 'last hidden state']

    Args:
        states: How many it returns.
    """
    inner = [f"leaves layer {layer}" for layer in range(1, states - 1)]
    return ["enters layer 1", *inner, "last hidden state"]


def best_layer(curve: Sequence[ProbedLayer], metric: str) -> ProbedLayer | None:
    """Return the layer with the best dev score, of equals the lowest; None if none is defined."""
    defined = [row for row in curve if not math.isnan(row.scores["dev"][metric])]
    return max(defined, key=lambda row: row.scores["dev"][metric], default=None)


def write_curve(path: Path, curve: Sequence[ProbedLayer]) -> None:
    """Write one line a layer: layer, state, width, penalty, and all scores of dev and test."""
    names = [(split, name) for split, scores in curve[0].scores.items() for name in scores]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        head = ["layer", "state", "width", "penalty"]
        writer.writerow(head + [f"{split}_{name}" for split, name in names])
        for row in curve:
            scores = [row.scores[split][name] for split, name in names]
            writer.writerow([row.layer, row.state, row.width, row.choice.penalty, *scores])


def describe_curve(curve: Sequence[ProbedLayer], chosen: int, metric: str) -> str:
    """Return the curve as an aligned Markdown table; a star marks the layer that dev chose."""
    head = ["layer", "state", "width", "penalty", f"dev {metric}", f"test {metric}"]
    rows = [
        [
            f"{row.layer}{' *' if row.layer == chosen else ''}",
            row.state,
            f"{row.width:,}",
            f"{row.choice.penalty:g}",
            *(f"{row.scores[split][metric]:.4f}" for split in ("dev", "test")),
        ]
        for row in curve
    ]
    return aligned_table(head, rows, [False, False, True, True, True, True])

"""From chosen windows with labels to the columns of a file."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from dnaft.data.packed import SPLITS, PackedWindows, pack_windows
from dnaft.data.yeast_genome import RELEASE
from dnaft.data.yeast_windows import Selection, Window

SEED = 20240229  # the first of each task's seeds; a task counts on from here

Labelled = dict[str, dict[Window, int]]  # by split


def assemble(
    task: str,
    version: str,
    selection: Selection,
    rows: Mapping[str, Mapping[Window, int | tuple[int, ...]]],
    counts: Counter[str],
    label_names: tuple[str, ...] = (),
) -> PackedWindows:
    """Sort the rows by split and place, and read their bases.

    Args:
        task: Name of the task.
        version: Of the recipe.
        selection: Reads the windows.
        rows: The label of each window, by split; with `label_names` a 0 or 1 for each.
        counts: What was kept and left out; goes into the metadata.
        label_names: For several yes/no labels a window.
    """
    ordered = [
        (window, SPLITS.index(split), rows[split][window])
        for split in SPLITS
        for window in sorted(rows[split])
    ]
    windows = [window for window, _, _ in ordered]
    return PackedWindows(
        packed=pack_windows([selection.read(w) for w in windows], selection.length_bp),
        labels=np.array([label for _, _, label in ordered], np.uint8),
        split=np.array([split for _, split, _ in ordered], np.uint8),
        chromosome=np.array([w.chromosome for w in windows], np.uint8),
        start=np.array([w.start for w in windows], np.int32),
        strand=np.array([w.strand for w in windows], np.int8),
        length_bp=selection.length_bp,
        metadata={
            "task": task,
            "recipe_version": version,
            "genome": RELEASE,
            "seed": str(SEED),
            **{f"count {key}": str(counts[key]) for key in sorted(counts)},
        },
        label_names=label_names,
    )


def read_either_way(windows: list[Window]) -> dict[Window, int]:
    """Label windows by their direction: every second one is turned round and gets label 0.

    Args:
        windows: On the strand that label 1 means, in a drawn order.
    """
    return {
        Window(w.chromosome, w.start, -w.strand if turned else w.strand): 1 - turned
        for turned, w in ((i % 2, w) for i, w in enumerate(windows))
    }

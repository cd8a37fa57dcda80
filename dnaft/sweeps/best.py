"""The setting of a sweep that dev prefers."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dnaft.errors import counted
from dnaft.sweeps.summary import Entry, score


@dataclass(frozen=True)
class Best:
    """A setting, with its seeds.

    Attributes:
        task: Name of the task.
        label: What tells it from others, such as `method=lora seed=1`, without the seed where it
            stands for several.
        scored: Its dev score as people read it, such as `mcc 0.4512`.
        folder: Of its run, or of the best of its seeds.
    """

    task: str
    label: str
    scored: str
    folder: Path


def best_of_tasks(entries: Iterable[Entry]) -> list[Best]:
    """Return the setting with the best mean dev score over seeds, for each task and metric.

    Of those with the most seeds so far: the best single run of many is often a lucky one.

    Args:
        entries: Runs, those without a score left out.
    """
    found: dict[tuple[str, str], dict[str, list[tuple[float, Entry]]]] = {}
    for entry in entries:
        value = score(entry)
        if value is not None and entry.result is not None:
            kind = entry.result.task, str(entry.result.chosen["metric"])
            words = (word for word in entry.label.split() if not word.startswith("seed="))
            found.setdefault(kind, {}).setdefault(" ".join(words), []).append((value, entry))
    return [_best(*kind, settings) for kind, settings in sorted(found.items())]


def _best(task: str, metric: str, settings: dict[str, list[tuple[float, Entry]]]) -> Best:
    most = max(map(len, settings.values()))
    means = {
        setting: statistics.fmean(value for value, _ in runs)
        for setting, runs in settings.items()
        if len(runs) == most
    }
    # Of equals the last, as in the table of results.
    mean, setting = max((mean, setting) for setting, mean in means.items())
    _, top = max(settings[setting], key=lambda run: (run[0], run[1].label))
    scored, label = f"{metric} {mean:.4f}", top.label
    if most > 1:
        scored, label = f"{scored} (mean of {counted(most, 'seed')})", setting or top.label
    return Best(task, label, scored, top.folder or top.base)

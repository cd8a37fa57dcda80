"""What runs are called: task and model with what tells them from namesakes, and the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dnaft.record import RunRecord
from dnaft.report.settings import (
    Value,
    flatten,
    is_of_model,
    is_of_task,
    name_variant,
    released_of,
    short_names,
    varying,
    without_echoes,
)

RELEASED = "released"
NONE_RELEASED = "none"


@dataclass(frozen=True)
class Names:
    """What a run is called.

    Attributes:
        task: Name of the task, with what tells it from others of the name.
        model: Name of the model, likewise.
        settings: What else differs between the runs of its method, by short name.
    """

    task: str
    model: str
    settings: Mapping[str, Value]


def name_runs(records: Sequence[RunRecord]) -> list[Names]:
    """Return the names of each run.

    A method that was also run as a released program does it, on the same task with the same model,
    has the setting `released`, which stands for all keys that changed with it.
    """
    configs = [flatten(record.config) for record in records]
    released = [released_of(record.config) for record in records]
    of_task, of_model, of_method = (
        _differing(records, configs, released, kind) for kind in ("task", "model", "method")
    )
    departing = {_cell(record) for record, there in zip(records, released, strict=True) if there}
    metrics: dict[str, set[str]] = {}
    sources: dict[str, set[Value]] = {}
    for record, config in zip(records, configs, strict=True):
        metrics.setdefault(record.task, set()).add(record.chosen["metric"])
        sources.setdefault(record.model, set()).add(config.get("model.source"))
    short = short_names(sorted({key for keys in of_method.values() for key in keys}))
    found = []
    for record, config, there in zip(records, configs, released, strict=True):
        task = name_variant(record.task, config, of_task[record.task], 1)
        if len(metrics[record.task]) > 1:
            task = f"{task} [{record.chosen['metric']}]"
        known = len(sources[record.model] - {None})
        model = name_variant(record.model, config, of_model[record.model], known)
        own = of_method[record.method]
        settings = {short[key]: config[key] for key in own if key in config}
        if _cell(record) in departing:
            settings[RELEASED] = "+".join(there) or NONE_RELEASED
        found.append(Names(task, model, settings))
    return found


def _differing(
    records: Sequence[RunRecord],
    configs: Sequence[Mapping[str, Value]],
    released: Sequence[tuple[str, ...]],
    kind: str,
) -> dict[str, list[str]]:
    """Return by task, model or method the keys of that kind which differ between its runs.

    Compared are runs of one task, model and method, and of the same departures: what differs
    between these was changed by hand, what differs between others may be what they are.
    """
    found = {}
    for name in {getattr(record, kind) for record in records}:
        own = [at for at, record in enumerate(records) if getattr(record, kind) == name]
        chosen = [configs[at] for at in own]
        cells = [(*_cell(records[at]), released[at]) for at in own]
        keys = [key for key in varying(chosen, cells) if _kind(key) == kind]
        found[name] = without_echoes(keys, chosen)
    return found


def _cell(record: RunRecord) -> tuple[str, str, str]:
    return record.task, record.model, record.method


def _kind(key: str) -> str:
    if is_of_task(key):
        return "task"
    return "model" if is_of_model(key) else "method"

"""What differs between the configurations of runs, under names short enough for a table."""

import json
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from dnaft.report.marks import number

# Where, how fast and with which words a run ran; not what it computed. Who chose the checkpoint is
# in the name of the method, what released programs do otherwise in a setting of its own.
_WITHOUT_EFFECT = (
    "seed", "data_dir", "cache_dir", "output_dir", "resume", "progress", "logger", "fast",
    "eval.mlm", "eval.choose_on", "dry_run", "protocol", "trainer.accelerator", "trainer.devices",
    "trainer.strategy", "trainer.num_nodes", "trainer.log_every_n_steps",
    "trainer.enable_model_summary",
    "data.num_workers", "data.data_dir", "data.cache_dir", "data.eval_batch_size",
    "task.description", "task.reference", "task.domain", "task.traps", "task.name", "model.name",
    "method.name", "model.licence", "model.roles", "model.revision",
)  # fmt: skip
_OF_TASK = ("task",)
_OF_MODEL = ("model", "tokenizer")
_SOURCE = "model.source"

Value = str | int | float | bool | None


def released_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which departures of a paper's released program a run took, sorted.

    >>> released_of({"protocol": {"released": {"seed": "run.sh", "epochs": "run.sh"}}})
    ('epochs', 'seed')
    """
    protocol = config.get("protocol")
    released = protocol.get("released") if isinstance(protocol, Mapping) else None
    return tuple(sorted(released)) if isinstance(released, Mapping) else ()


def is_number(value: Value) -> bool:
    """Return whether a value is a number with a place on an axis; true and false are none.

    >>> is_number(0.1), is_number(float("inf")), is_number(True)
    (True, False, False)
    """
    return not math.isnan(number(value))


def flatten(config: Mapping[str, Any]) -> dict[str, Value]:
    """Return what may change a score, by keys with dots; lists as JSON.

    >>> flatten({"seed": 1, "method": {"rank": 4, "inject": {"roles": ["q", "v"]}}})
    {'method.rank': 4, 'method.inject.roles': '["q", "v"]'}

    Args:
        config: The resolved configuration of a run.
    """
    flat: dict[str, Value] = {}
    _flatten(config, "", flat)
    return flat


def _flatten(config: Mapping[str, Any], above: str, flat: dict[str, Value]) -> None:
    for name, value in config.items():
        key = f"{above}{name}"
        if _belongs(key, _WITHOUT_EFFECT) or name in ("seed", "_partial_"):
            continue
        if isinstance(value, Mapping):
            _flatten(value, f"{key}.", flat)
        elif isinstance(value, str | int | float | bool | None):
            flat[key] = value
        else:
            flat[key] = json.dumps(value)


def _belongs(key: str, places: Iterable[str]) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in places)


def is_of_task(key: str) -> bool:
    """Return whether a key says what is learned, so that scores under its values are of two tasks.

    >>> is_of_task("task.drop_leaks"), is_of_task("method.rank")
    (True, False)
    """
    return _belongs(key, _OF_TASK)


def is_of_model(key: str) -> bool:
    """Return whether a key says which model it is; a prefix before the sequence is the method's."""
    return _belongs(key, _OF_MODEL) and not key.endswith((".prefix", ".suffix"))


def varying(configs: Sequence[Mapping[str, Value]], cells: Sequence[Hashable]) -> list[str]:
    """Return the keys that have more than one value within a cell, sorted.

    A key that some runs lack, such as older ones, differs only where those that have it do.

    Args:
        configs: What `flatten` returns, of each run.
        cells: What each run is about, such as its task, model and method.
    """
    values: dict[tuple[Hashable, str], Value] = {}
    found = set()
    for config, cell in zip(configs, cells, strict=True):
        for key, value in config.items():
            if key not in found and values.setdefault((cell, key), value) != value:
                found.add(key)
    return sorted(found)


def without_echoes(keys: Iterable[str], configs: Sequence[Mapping[str, Value]]) -> list[str]:
    """Return the keys, of those that always change together to equal values the shortest.

    >>> without_echoes(["a.b.rank", "a.rank"], [{"a.b.rank": 2, "a.rank": 2}, {"a.b.rank": 4,
    ... "a.rank": 4}])
    ['a.rank']
    """
    columns: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        columns[repr([config.get(key) for config in configs])].append(key)
    return sorted(min(same, key=lambda key: (key.count("."), key)) for same in columns.values())


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return for each key as few of its last parts as tell it from the others.

    >>> short_names(["method.optimizer.lr", "data.batch_size"])
    {'method.optimizer.lr': 'lr', 'data.batch_size': 'batch_size'}
    """
    names = {}
    for key in keys:
        parts = key.split(".")
        tails = [".".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        names[key] = next(
            tail
            for tail in tails
            if not any(f".{k}".endswith(f".{tail}") for k in keys if k != key)
        )
    return names


def show(value: Value) -> str:
    """Return a value as the command line takes it: `0.0003`, `true`, `null`."""
    return value if isinstance(value, str) else json.dumps(value)


def name_variant(name: str, config: Mapping[str, Value], keys: Sequence[str], sources: int) -> str:
    """Return the name of a task or model with what tells it from its namesakes.

    >>> name_variant("tiny", {"model.source": None, "model.width": 8}, ["model.source",
    ... "model.width"], 1)
    'tiny (random weights, width=8)'

    Args:
        name: As the run has it.
        config: What `flatten` returns.
        keys: Those that differ between the namesakes.
        sources: How many sources of weights they have, random ones not counted.
    """
    short = short_names(keys)
    parts = []
    for key in keys:
        if key not in config:
            continue
        value = config[key]
        if key != _SOURCE:
            parts.append(f"{short[key]}={show(value)}")
        elif value is None:
            parts.insert(0, "random weights")
        elif sources > 1:
            parts.insert(0, show(value).rstrip("/").rpartition("/")[2])
    return f"{name} ({', '.join(parts)})" if parts else name

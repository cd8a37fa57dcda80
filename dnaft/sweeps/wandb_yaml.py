"""A sweep of Hydra's as a sweep of W&B's: its server proposes the runs, agents do them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dnaft.config import config_dir, register_schema
from dnaft.errors import InputError
from dnaft.explain import explain
from dnaft.job import plain_config
from dnaft.settings import check_choices, check_settings
from dnaft.sweeps.name import readable_name
from dnaft.sweeps.space import check_search, interval_ends, part_overrides

_LOGGER = "logger=wandb"
# Overrides that say how Hydra does many runs; an agent does one.
_OF_SWEEPS = ("hydra/launcher", "hydra.launcher", "hydra/sweeper", "hydra.sweeper", "hydra.mode")


def describe(typed: Sequence[str], own: Path | None) -> dict[str, Any]:
    """Return what `wandb sweep` is given, having composed what it can propose.

    All points of a grid are composed; of a search every end and every choice.

    Args:
        typed: Overrides, as for a sweep of Hydra's.
        own: A folder with files of the user's, `--config-dir` of training.

    Raises:
        InputError: If a run cannot be composed, W&B has no such sweep, or nothing varies.
    """
    register_schema()
    try:
        with initialize_config_dir(config_dir(), version_base="1.3"):
            return _describe([*typed, *_search_path(own)], own)
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explain(error)) from error


def _describe(typed: Sequence[str], own: Path | None) -> dict[str, Any]:
    loader = GlobalHydra.instance().config_loader()
    if not any(o.startswith("logger=") for o in typed):
        typed = [*typed, _LOGGER]
    single, _ = part_overrides(loader, {}, typed)
    if _LOGGER not in single:
        raise InputError("logger: runs of a W&B sweep report to W&B; leave out what is typed")
    # Of the rest something may belong to a choice that varies.
    of_sweep = [o for o in single if o.startswith(("sweep=", "hydra"))]
    sweeper = compose("train", of_sweep, return_hydra_config=True).hydra.sweeper
    params: Any = OmegaConf.to_container(OmegaConf.create(sweeper.get("params") or {}))
    of_run = [o for o in typed if not o.startswith(_OF_SWEEPS)]
    fixed, space = part_overrides(loader, {k: str(v) for k, v in params.items()}, of_run)
    for key in space:
        if not key[0].isalpha() or set(key) & set("@/:"):
            raise InputError(
                f"{key}: W&B takes no parameter of this name; put the key into a yaml of your own "
                "(--config-dir), so that it can be changed without +"
            )
    search = str(sweeper.get("_target_")).endswith(".Optuna")
    if search:
        check_search(space)
    elif not space:
        raise InputError("there is nothing to sweep; give a key several values: method.rank=4,8")
    parameters = {key: _parameter(key, override, search) for key, override in space.items()}
    composed = [_compose([*fixed, *point]) for point in _points(parameters, search)]
    metric = _metric(composed, search)
    logger = composed[0]["logger"]
    return {
        "name": readable_name(typed),
        "project": logger["project"],
        **({"entity": logger["entity"]} if logger["entity"] else {}),
        "program": "dnaft.train",
        "command": [
            "${env}",
            "${interpreter}",
            "-m",
            "${program}",
            *(["--config-dir", str(own)] if own else []),
            *(o for o in fixed if not o.startswith("hydra.searchpath=")),
            *(["hydra.mode=RUN"] if any(o.startswith("sweep=") for o in fixed) else []),
            "${args_no_hyphens}",
        ],
        "method": "bayes" if search else "grid",
        **({"metric": {"name": f"dev/{metric}", "goal": "maximize"}} if metric else {}),
        **({"run_cap": int(sweeper.trials)} if search else {}),
        "parameters": parameters,
    }


def _search_path(own: Path | None) -> list[str]:
    if own is None:
        return []
    if not own.is_dir():
        raise InputError(f"--config-dir: there is no folder {own}; check the path")
    return [f"hydra.searchpath=[file://{own.expanduser().resolve()}]"]


def _parameter(key: str, override: Override, search: bool) -> dict[str, Any]:
    """Return the values of a key in W&B's terms."""
    value = override.value()
    if isinstance(value, IntervalSweep):
        if not search:
            raise InputError(
                f"{override.input_line}: a grid has no intervals; hydra/sweeper=optuna makes it a "
                "search"
            )
        low, high, log = interval_ends(override, value)
        whole = isinstance(low, int) and isinstance(high, int)
        names = {
            (True, False): "int_uniform",
            (True, True): "q_log_uniform_values",
            (False, False): "uniform",
            (False, True): "log_uniform_values",
        }
        ends = {"distribution": names[whole, log], "min": low, "max": high}
        return ends | ({"q": 1} if whole and log else {})
    texts = list(override.sweep_string_iterator())
    if isinstance(value, RangeSweep):
        typed: list[Any] = list(value.range())
    else:
        typed = list(override.sweep_iterator())
    # Numbers stay numbers, for W&B's charts; the rest is what Hydra is to read.
    values = [
        v if isinstance(v, bool | int | float) else text
        for v, text in zip(typed, texts, strict=True)
    ]
    return {"values": values}


def _points(parameters: Mapping[str, dict[str, Any]], search: bool) -> Iterator[list[str]]:
    """Yield overrides of the points to compose."""
    values = {
        key: p["values"] if "values" in p else [p["min"], p["max"]] for key, p in parameters.items()
    }
    if not search:
        for point in itertools.product(*values.values()):
            yield [f"{key}={value}" for key, value in zip(values, point, strict=True)]
        return
    first = {key: of_key[0] for key, of_key in values.items()}
    for varied, of_key in values.items():
        for value in of_key:
            yield [f"{key}={v}" for key, v in (first | {varied: value}).items()]


def _compose(overrides: list[str]) -> dict[str, Any]:
    """Return the configuration of one run, checked as the run would check it."""
    config: DictConfig = compose("train", overrides, return_hydra_config=True)
    choices = {group: str(choice) for group, choice in config.hydra.runtime.choices.items()}
    check_choices(choices)
    plain = plain_config(config)
    check_settings(plain)
    return plain


def _metric(composed: Sequence[Mapping[str, Any]], search: bool) -> str | None:
    """Return the dev score of all runs; None if they differ."""
    from dnaft.metrics import default_metric

    tasks = [config["task"] for config in composed]
    names = {task.get("choose_by") or default_metric(task["kind"]) for task in tasks}
    if search and len({task["name"] for task in tasks}) > 1:
        raise InputError("task: dev scores of several tasks do not compare; search on one task")
    return names.pop() if len(names) == 1 else None

"""Tasks by name, composed as the training command composes them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dnaft import arguments
from dnaft.config import build, config_dir
from dnaft.data.task import Task
from dnaft.errors import InputError, near
from dnaft.explain import explain, names

# Benchmarks of many tasks: the folder below data_dir that all of them are in.
BENCHMARKS = {
    "gue": "GUE",
    "nt": "nucleotide_transformer_downstream_tasks",
    "nt_revised": "nucleotide_transformer_downstream_tasks_revised",
}
_OVERRIDE = "task."
_ALL = "tasks"


def default_data_dir() -> str:
    """Return where `python -m dnaft.train` looks for data unless it is told otherwise."""
    return os.environ.get("DNAFT_DATA_DIR", "data")


def load_task(name: str, overrides: Sequence[str] = (), own: str | None = None) -> Task:
    """Build the task of a yaml file.

    Args:
        name: Name of the file in `conf/task`.
        overrides: As on the command line of training, `task.KEY=VALUE`.
        own: A folder with files of the user's, `--config-dir` of training.

    Raises:
        InputError: If there is no such file or key, or a value is wrong.
    """
    if name.startswith("_"):
        known = names(path.stem for path in Path(config_dir(), "task").glob("*.yaml"))
        raise InputError(f"task: {name} is what other files build upon; {near(name, known)}")
    changes = [f"+task={name}", *overrides]
    if own is not None:
        folder = Path(own).expanduser().resolve()
        if not (folder / "task").is_dir():
            raise InputError(f"config_dir: {folder} has no folder task with yaml files in it")
        changes.append(f"hydra.searchpath=[file://{folder}]")
    return _build(name, _compose(changes)["task"])


def load_benchmark(benchmark: str) -> list[Task]:
    """Build all tasks of a benchmark, in the order of their names.

    Raises:
        InputError: If there is no such benchmark.
    """
    # Composed at once: Hydra takes a fifth of a second for each of 28.
    chosen = benchmark_tasks(benchmark)
    nodes = _compose([f"+task@{_ALL}.{name}={name}" for name in chosen])[_ALL]
    return [_build(name, nodes[name]) for name in chosen]


def check_benchmark(benchmark: str) -> None:
    """Refuse a name that is none of `BENCHMARKS`.

    Raises:
        InputError: If it is none.
    """
    if benchmark not in BENCHMARKS:
        raise InputError(f"{benchmark}: there is no such benchmark; {near(benchmark, BENCHMARKS)}")


def benchmark_tasks(benchmark: str) -> list[str]:
    """Return the names of the tasks of a benchmark, sorted.

    Tasks that split the files of another one anew are left out.

    Raises:
        InputError: If there is no such benchmark.
    """
    check_benchmark(benchmark)
    found = []
    for path in sorted(Path(config_dir(), "task").glob("[!_]*.yaml")):
        own: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        folder = str(own.get("source", {}).get("folder", ""))
        if folder.startswith(f"{BENCHMARKS[benchmark]}/"):
            found.append(path.stem)
    return found


def part_arguments(typed: Sequence[str], keys: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Part KEY=VALUE arguments from those that change keys of the task.

    Args:
        typed: What stands on the command line.
        keys: The keys of the command.

    Returns:
        Values by key; arguments of the form task.KEY=VALUE, as typed.

    Raises:
        InputError: As `dnaft.arguments.parse`.
    """
    changes = [a for a in typed if a.lstrip("+~").startswith(_OVERRIDE)]
    return arguments.parse([a for a in typed if a not in changes], keys), changes


def _compose(overrides: list[str]) -> dict[str, Any]:
    """Return the resolved configuration of these overrides alone.

    Raises:
        InputError: If Hydra refuses them, or a value is missing.
    """
    try:
        with initialize_config_dir(config_dir(), version_base="1.3"):
            config = compose(overrides=overrides)
        plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explain(error)) from error
    composed: dict[str, Any] = plain
    return composed


def _build(name: str, node: Any) -> Task:
    task = build(node, "task")
    if not isinstance(task, Task):
        raise InputError(f"task: {name} describes no task but a {type(task).__name__}")
    return task

"""Named sweeps: the docs count their runs, each run composes, a released script is swept whole."""

import itertools
import math
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob

from composing import composed
from conf_nodes import check_nodes
from dnaft.config import config_dir
from dnaft.settings import check_choices, check_settings
from dnaft.strategy import resolve_precision

CONF = Path(config_dir())
DOCS = Path(__file__).parents[2] / "docs"
PARSER = OverridesParser.create()


def contents(group: str) -> dict[str, Any]:
    return {file.stem: yaml.safe_load(file.read_text()) for file in (CONF / group).glob("*.yaml")}


SWEEPERS = {name: content["hydra"]["sweeper"] for name, content in contents("sweep").items()}
SEARCHES = {name for name, sweeper in SWEEPERS.items() if "trials" in sweeper}
GRIDS: dict[str, dict[str, Any]] = {
    name: sweeper["params"] for name, sweeper in SWEEPERS.items() if name not in SEARCHES
}
RELEASED = contents("released")
SCRIPTS = sorted(name for name, content in RELEASED.items() if "defaults" in content)
# A script's mask is that of the copy of the library it finds, so its sweep has both.
OF_THE_LIBRARY = {"domain_script": [["sampling_rule"], ["domain_script", "sampling_rule"]]}


def values(key: str, text: object) -> list[str]:
    """Return all that a command line or a sweep gives to a key, each as it is typed."""
    override = PARSER.parse_override(f"{key}={text}")
    value: Any = override.value()
    if isinstance(value, Glob):
        return value.filter(sorted(file.stem for file in (CONF / key).glob("[!_]*.yaml")))
    if override.is_sweep_override():
        return list(override.sweep_string_iterator())
    return [override.get_value_element_as_str()]


def count(params: Mapping[str, object]) -> int:
    return math.prod(len(values(key, text)) for key, text in params.items())


def runs(params: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    """Yield runs of the first seed: all combinations, but other tasks and values one at a time."""
    axes = [[f"{key}={value}" for value in values(key, text)] for key, text in params.items()]
    axes = [axis[:1] if axis[0].startswith("seed=") else axis for axis in axes]
    alone = [at for at, key in enumerate(params) if key == "task" or "." in key]
    for run in itertools.product(*axes):
        later = [at for at, axis in enumerate(axes) if run[at] != axis[0]]
        if len(later) <= 1 or not set(later) & set(alone):
            yield run


def switches(text: object) -> list[list[str]]:
    return [[name for name in one.strip("[]").split(",") if name] for one in values("x", text)]


def numbers(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "protocol"}


def test_sweeps_md_says_how_many_runs_a_named_sweep_has() -> None:
    said = re.findall(r"^\| `(\w+)` \| (\d+) \|", (DOCS / "sweeps.md").read_text(), re.MULTILINE)
    expected = {name: count(params) for name, params in GRIDS.items()}
    expected |= {name: SWEEPERS[name]["trials"] for name in SEARCHES}
    assert {name: int(number) for name, number in said} == expected


def test_experiments_md_says_how_many_runs_its_commands_have() -> None:
    text = (DOCS / "experiments.md").read_text()
    checked = 0
    for cell, said in re.findall(r"^\| [^|]+ \| ([^|]+) \| (\d[^|]*) \|", text, re.MULTILINE):
        commands = re.findall(r"`((?:-m|sweep=)[^`]+)`", cell)
        for command, number in zip(commands, re.findall(r"\d+", said), strict=False):
            typed = dict(word.split("=", 1) for word in shlex.split(command) if word != "-m")
            params = GRIDS[typed.pop("sweep")] if "sweep" in typed else {}
            assert (command, count({**params, **typed})) == (command, int(number))
            checked += 1
    assert checked > 20
    said_of_scripts = re.findall(r"^\| `(released_\w+)` \| (\d+) \|", text, re.MULTILINE)
    assert dict(said_of_scripts) == {f"released_{s}": f"{count(of_script(s))}" for s in SCRIPTS}


@pytest.mark.parametrize("name", GRIDS)
def test_every_run_of_a_sweep_composes_and_fits_what_it_builds(name: str) -> None:
    for run in runs(GRIDS[name]):
        config = dict(composed(f"sweep={name}", *run))
        check_settings(config)
        check_choices(dict(choice.split("=", 1) for choice in run if choice.startswith("task=")))
        config["trainer"] = resolve_precision(config["trainer"])
        for key, node in config.items():
            check_nodes(node, key)


@pytest.mark.parametrize("name", GRIDS)
def test_a_sweep_that_trains_takes_three_seeds(name: str) -> None:
    """A mean of fewer has no spread; linear models of layers are the same with every seed."""
    seeds = values("seed", GRIDS[name].get("seed", 1))
    assert len(seeds) == (1 if name == "tutorial_layers" else 4 if "released" in name else 3)


def of_script(script: str) -> dict[str, Any]:
    return GRIDS[f"released_{script}"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_released_script_is_swept_switch_by_switch(script: str) -> None:
    """None, each alone, all: but `seed`, which the runs without a departure have as a fourth."""
    own = RELEASED[script]["defaults"]
    alone = [[switch] for switch in own if switch != "seed"]
    expected = [[], *alone, *OF_THE_LIBRARY.get(script, []), [script]]
    assert sorted(switches(of_script(script)["released"])) == sorted(expected)
    assert "seed" in own
    assert of_script(script)["seed"] == f"1,2,3,{RELEASED['seed']['seed']}"


def test_every_departure_is_in_a_sweep() -> None:
    swept = {name for script in SCRIPTS for one in switches(of_script(script)["released"])
             for name in one}  # fmt: skip
    # The notebook's has no script of LINGO's: sweep=tutorial 'released=[notebook_sample]'.
    assert RELEASED.keys() - swept == {"seed", "notebook_sample"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_switch_moves_a_number_on_a_task_of_its_sweep(script: str) -> None:
    plain: dict[str, dict[str, Any]] = {}
    still = {switch for switch in RELEASED[script]["defaults"] if switch != "seed"}
    for run in runs(of_script(script)):
        preset, *_, released, _ = run
        config = numbers(composed(f"sweep=released_{script}", *run))
        if plain.setdefault(preset, config) != config:
            still -= set(switches(released.partition("=")[2])[0])
    assert not still


def test_figure_5_of_lingo_has_a_prefix_on_opt_and_none_on_the_nucleotide_transformer() -> None:
    """Section 2.6; the Nucleotide Transformer is that of 1000G, 500M-1000G in Section 4.4."""
    found = []
    for name in ("paper_human_histone", "paper_human_histone_nt"):
        for run in runs(GRIDS[name]):
            config = composed(*run)
            model, method, tokenizer = (config[key] for key in ("model", "method", "tokenizer"))
            prefix = tokenizer.get("prefix", "")
            found.append((model["source"], config["task"]["name"], method["name"], prefix))
    language = "Domain: Human Histone Mark\nSequence: "
    transformer = "InstaDeepAI/nucleotide-transformer-500m-1000g"
    assert found == [
        ("facebook/opt-125m", "deepsea_histone", "lingo", language),
        ("facebook/opt-350m", "deepsea_histone", "lingo", language),
        (transformer, "deepsea_histone", "adalora_rs", ""),
    ]


def test_the_tutorial_has_all_tasks_of_the_first_release() -> None:
    first = {file.stem for file in (CONF / "task").glob("nt_*.yaml") if "revised" not in file.stem}
    swept = values("task", GRIDS["tutorial_nt"]["task"])
    assert set(swept) == first
    assert len(swept) == 18

"""The group of a sweep's runs on a dashboard: one for all of them, also when the sweep goes on."""

import json
import shutil

import pytest

from sweep_runs import Program

GRID = ("-m", "method=lora,dora", "seed=1,2")


def groups(program: Program, output: str = "outputs") -> set[str | None]:
    files = (program.folder / output).rglob("result.json")
    return {json.loads(file.read_text())["config"]["logger"]["group"] for file in files}


def test_all_runs_of_a_sweep_and_those_that_come_later(program: Program) -> None:
    program.run(*GRID, "logger=wandb")
    (group,) = groups(program)
    assert group is not None
    readable, _, checksum = group.rpartition("-")
    assert readable == "method=lora_dora,seed=1_2"
    assert len(checksum) == 8
    shutil.rmtree(next((program.folder / "outputs").rglob("lora/seed2")))
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=1"]
    swapped = [GRID[0], *reversed(GRID[1:])]
    program.run(*swapped, *launcher, "logger=wandb", "logger.project=other", "progress=false")
    assert sum(program.log("done").values()) == 5
    assert groups(program) == {group}


def test_other_sweeps_have_other_groups(program: Program) -> None:
    pytest.importorskip("optuna", reason="the extra optuna is not installed")
    one = ("-m", "method=lora", "seed=1")
    rank = ("sweep=rank", "method=lora", "method.rank=2")
    search = ("-m", "hydra/sweeper=optuna", "hydra.sweeper.trials=1", "method=lora,dora")
    found = []
    for number, overrides in enumerate([
        one, (*one, "method.rank=4"), rank, (*rank, "task=h3"), search, one,
    ]):  # fmt: skip
        program.run(*overrides, "logger=wandb", f"output_dir=out{number}")
        found += groups(program, f"out{number}")
    assert len(set(found)) == len(found) == 6
    assert found[3] is not None
    assert found[3].startswith("sweep=rank,task=h3,method=lora,method.rank=2-")


def test_a_group_of_ones_own_and_none(program: Program) -> None:
    program.run(*GRID, "logger=wandb", "logger.group=mine", "output_dir=named")
    assert groups(program, "named") == {"mine"}
    program.run("seed=1", "logger=wandb", "output_dir=single")
    assert groups(program, "single") == {None}

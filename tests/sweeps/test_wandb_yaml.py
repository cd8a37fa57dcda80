"""A sweep for W&B's agents: its own engine draws from it what Hydra would run, and that runs."""

import csv
import itertools
import json
import os
import subprocess
import sys
from numbers import Integral
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args
from wandb.sdk.lib.config_util import save_config_file_from_dict

from dnaft.wandb_sweep import main
from wandb_files import read_offline_run

sweeps = pytest.importorskip("sweeps", reason="W&B's engine of sweeps is not installed")
ROOT = Path(__file__).parents[2]


def written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, status: int = 0
) -> dict[str, Any]:
    """Return what `python -m dnaft.wandb_sweep` writes; nothing if it ends with a message."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["dnaft.wandb_sweep", *arguments, "out=sweep.yaml"])
    if status:
        with pytest.raises(SystemExit, match=str(status)):
            main()
        assert not Path("sweep.yaml").exists()
        return {}
    main()
    sweep: dict[str, Any] = yaml.safe_load(Path("sweep.yaml").read_text())
    # The engine that can be installed beside numpy 2 is older than this key.
    checked = {key: value for key, value in sweep.items() if key != "run_cap"}
    assert sweeps.schema_violations_from_proposed_config(checked) == []
    return sweep


def drawn(sweep: dict[str, Any], most: int, **changed: Any) -> list[dict[str, Any]]:
    """Return the parameters of the runs that W&B's engine proposes."""
    config = sweeps.SweepConfig({k: v for k, v in sweep.items() if k != "run_cap"} | changed)
    return [run.config for run in sweeps.next_runs(config, [], n=most) if run is not None]


def command(sweep: dict[str, Any], args: dict[str, Any]) -> list[str]:
    """Return what an agent runs: macros of the command, replaced as wandb_agent replaces them."""
    macros = create_sweep_command_args({"args": args})
    macros |= {"interpreter": ["python"], "env": ["/usr/bin/env"], "program": [sweep["program"]]}
    parts = [[p] if not p.startswith("${") else macros[p[2:-1]] for p in create_sweep_command(
        list(sweep["command"])
    )]  # fmt: skip
    return [*itertools.chain.from_iterable(parts)]


def test_a_grid_has_the_points_of_hydra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = written(
        tmp_path, monkeypatch, "-m", "method=lora,dora", "method.optimizer.lr=1e-5,0.01",
        "method.inject.target_roles=[q,v],[q]", "task=yeast_tata",
        "method.rank=4", "logger.project=mine", "hydra/launcher=joblib",
    )  # fmt: skip
    assert (sweep["method"], sweep["project"]) == ("grid", "mine")
    assert sweep["metric"] == {"name": "dev/mcc", "goal": "maximize"}
    found = [command(sweep, args) for args in drawn(sweep, 99)]
    fixed = ["task=yeast_tata", "method.rank=4", "logger.project=mine", "logger=wandb"]
    start = ["/usr/bin/env", "python", "-m", "dnaft.train"]
    assert all(line[:8] == start + fixed for line in found)
    values = [("lora", "dora"), ("1e-05", "0.01"), ("[q,v]", "[q]")]
    keys = ["method", "method.optimizer.lr", "method.inject.target_roles"]
    expected = {
        tuple(f"{k}={v}" for k, v in zip(keys, p, strict=True)) for p in itertools.product(*values)
    }
    assert {tuple(sorted(line[8:], key=lambda o: keys.index(o.partition("=")[0])))
            for line in found} == expected  # fmt: skip
    assert len(found) == 8


def test_a_named_sweep_of_the_package_and_one_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = written(tmp_path, monkeypatch, "sweep=batch_size", "data.batch_size=8,16")
    assert sweep["parameters"] == {
        "method": {"values": ["lora", "dora"]}, "data.batch_size": {"values": [8, 16]},
        "seed": {"values": [1, 2, 3]},
    }  # fmt: skip
    assert sweep["command"][4:-1] == ["sweep=batch_size", "logger=wandb", "hydra.mode=RUN"]
    (tmp_path / "mine" / "sweep").mkdir(parents=True)
    (tmp_path / "mine" / "sweep" / "own.yaml").write_text(
        "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {method.rank: '4,8'}}}\n"
    )
    Path("sweep.yaml").unlink()
    sweep = written(tmp_path, monkeypatch, "--config-dir", "mine", "sweep=own", "method=lora")
    assert sweep["command"][4:6] == ["--config-dir", "mine"]
    assert sweep["parameters"] == {"method.rank": {"values": [4, 8]}}


def test_a_search_draws_what_the_types_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = written(
        tmp_path, monkeypatch, "hydra/sweeper=optuna", "hydra.sweeper.trials=7", "method=lora",
        "method.optimizer.lr=tag(log,interval(1e-4,1e-2))", "method.inject.dropout=interval(0,0.3)",
        "method.rank=tag(log,int(interval(2,16)))", "data.batch_size=int(interval(4,8))",
        "trainer.max_epochs=range(1,4)",
    )  # fmt: skip
    assert (sweep["method"], sweep["run_cap"]) == ("bayes", 7)
    assert sweep["metric"] == {"name": "dev/mcc", "goal": "maximize"}
    for args in drawn(sweep, 20, method="random"):
        values = {key: arg["value"] for key, arg in args.items()}
        assert 1e-4 <= values["method.optimizer.lr"] <= 1e-2
        assert 0 <= values["method.inject.dropout"] <= 0.3
        for key, low, high in (
            ("method.rank", 2, 16), ("data.batch_size", 4, 8), ("trainer.max_epochs", 1, 3),
        ):  # fmt: skip
            assert isinstance(values[key], Integral)
            assert low <= values[key] <= high


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["method=lora"], "there is nothing to sweep; give a key several values"),
        (["method.rnk=1,2"], "method.rnk: there is no such key"),
        (["method=lora,lroa"], "method: there is no lroa"),
        (["method.optimizer.lr=interval(0,1)"], "a grid has no intervals; hydra/sweeper=optuna"),
        (["hydra/sweeper=optuna", "seed=1,2"], "seed: a search over seeds finds a lucky one"),
        (["hydra/sweeper=optuna", "task=h3,h4"], "task: dev scores of several tasks do not"),
        (["method.rank=2,4", "logger=csv"], "logger: runs of a W&B sweep report to W&B"),
        (["+trainer.max_time=1,2"], "+trainer.max_time: W&B takes no parameter of this name"),
        (["--cfg", "job"], "--cfg: there is no such flag here"),
        (["method.rank=2,4", "--config-dir=none"], "--config-dir: there is no folder none"),
    ],
)
def test_nonsense_is_refused_and_leaves_no_file(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written(tmp_path, monkeypatch, *arguments, status=2)
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert len(err.splitlines()) == 1


def test_an_existing_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("mine")
    monkeypatch.setattr(sys, "argv", ["dnaft.wandb_sweep", "method.rank=2,4", f"out={file}"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"out: {file} exists" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_an_agent_runs_a_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["ACGTAC" * 4, 1], ["TTTTGA" * 4, 0]] * 4
    task = ["task=csv"]
    for split in ("train", "dev", "test"):
        with (tmp_path / f"{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["sequence", "label"], *rows])
        task.append(f"task.source.{split}={split}.csv")
    sweep = written(
        tmp_path, monkeypatch, "method=baseline_kmer,baseline_onehot", "seed=1,2", *task
    )
    assert {key: p["values"] for key, p in sweep["parameters"].items()} == {
        "method": ["baseline_kmer", "baseline_onehot"], "seed": [1, 2],
    }  # fmt: skip
    args = {"method": {"value": "baseline_kmer"}, "seed": {"value": 2}}
    # What the agent of wandb puts into the environment of a run.
    params = tmp_path / "wandb" / "sweep-swp1" / "config-run7.yaml"
    save_config_file_from_dict(str(params), args)
    environment = {name: v for name, v in os.environ.items() if not name.startswith("WANDB_")}
    environment |= {
        "WANDB_SWEEP_ID": "swp1", "WANDB_RUN_ID": "run7", "WANDB_SWEEP_PARAM_PATH": str(params),
        "WANDB_MODE": "offline", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT), "DNAFT_CACHE_DIR": str(tmp_path / "cache"),
    }  # fmt: skip
    done = subprocess.run(
        command(sweep, args), cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "outputs").rglob("result.json")
    found = json.loads(file.read_text())
    assert (found["method"], found["seed"]) == ("baseline_kmer", 2)
    run = read_offline_run(next(file.parent.glob("wandb/offline-run-*/*.wandb")))
    assert (run.id, run.sweep) == ("run7", "swp1")
    # W&B keeps the parameters of the sweep as they are; the configuration is beside them.
    assert (run.config["method"], run.config["seed"]) == ("baseline_kmer", 2)
    assert run.config["method.name"] == "baseline_kmer"
    assert run.config["data.batch_size"] == found["config"]["data"]["batch_size"]
    assert run.summary["dev/mcc"] == found["scores"]["dev"]["mcc"]

"""The same sweep, wherever it is carried out."""

import importlib
import os
import signal
import time
from collections.abc import Iterator

import pytest
from joblib.externals.loky import get_reusable_executor

from sweep_program import STEPS
from sweep_runs import Program, rows

SWEEP = ("-m", "method=lora", "seed=1,2,3")
DONE = {"lora-1": 1, "lora-2": 1, "lora-3": 1}


@pytest.fixture(autouse=True)
def _no_process_of_another_test() -> Iterator[None]:
    yield
    get_reusable_executor(max_workers=1).shutdown(kill_workers=True)


def compare(program: Program, *launcher: str) -> None:
    out, _ = program.run(*SWEEP, *launcher)
    assert program.log("done") == DONE
    again, _ = program.run(*SWEEP)
    assert "3 runs, 3 of them done already" in again
    assert rows(again) == rows(out)
    assert len(rows(out)) == 2 + 3
    log = program.folder / "outputs/yeast_promoter/yeast_mini/lora/seed3/output.log"
    assert log.read_text().splitlines()[-1] == "step 8"


def test_joblib(program: Program) -> None:
    compare(program, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


def test_a_process_that_dies_takes_no_other_run_with_it(program: Program) -> None:
    out, err = program.run("-m", "method=lora", "seed=1,15,2", "hydra/launcher=joblib", status=1)
    assert program.log("done") == {"lora-1": 1, "lora-2": 1}
    assert "error: seed=15: its process died, for want of memory or time perhaps (EXIT(9))" in err
    assert err.endswith("error: 1 of 3 runs failed\n")
    assert len(rows(out)) == 2 + 2


@pytest.mark.parametrize("everyone", [True, False], ids=["Ctrl-C", "the command alone"])
def test_an_interrupt_ends_the_runs_of_joblib_too(program: Program, everyone: bool) -> None:
    process = program.start(
        *SWEEP[:2], "seed=range(1,9)", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", seconds=4
    )
    deadline = time.monotonic() + 60
    while not program.log("step") and time.monotonic() < deadline:
        time.sleep(0.1)
    if everyone:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "interrupted; the same command goes on where it stopped\n"
    begun = program.log("step")
    assert 0 < len(begun) <= 2 * STEPS
    assert not program.log("done")
    time.sleep(3)
    assert program.log("step") == begun
    out, _ = program.run(*SWEEP)
    assert len(rows(out)) == 2 + 3


def test_submitit_on_this_machine(program: Program) -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    compare(program, "hydra/launcher=submitit", "hydra.launcher.cluster=local",
            "hydra.launcher.parameters.gpus_per_node=0")  # fmt: skip


def test_a_job_whose_time_is_up_goes_on_in_the_next(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    local = importlib.import_module("submitit.local.local")
    start = local.start_controller
    # The signal comes eight seconds after the start, not thirty; the limit is a minute at least.
    monkeypatch.setattr(
        local, "start_controller", lambda **settings: start(**settings | {"signal_delay_s": 52})
    )
    monkeypatch.setenv("SWEEP_SECONDS", "16")
    launcher = ("hydra/launcher=submitit", "hydra.launcher.cluster=local",
                "hydra.launcher.parameters.gpus_per_node=0",
                "hydra.launcher.parameters.timeout_min=1")  # fmt: skip
    sweep = ("-m", "method=lora", "seed=1,2", *launcher)
    out, err = program.run(*sweep, "hydra.launcher.requeue=0", status=1)
    assert "seed=1: its job reached hydra.launcher.parameters.timeout_min" in err
    assert "Traceback" not in out + err
    assert 0 < len(program.log("step")) < 2 * STEPS
    program.run(*sweep, "hydra.launcher.requeue=5")
    assert program.log("done") == {"lora-1": 1, "lora-2": 1}
    assert len(program.log("step")) == 2 * STEPS
    assert set(program.log("step").values()) == {1}


def test_submitit_wants_slurm(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    monkeypatch.setenv("PATH", "")
    _, err = program.run(*SWEEP, "hydra/launcher=submitit", status=2)
    assert err.startswith("error: hydra/launcher=submitit: no SLURM here")
    _, err = program.run(*SWEEP, "hydra/launcher=submitit", "hydra.launcher.cluster=x", status=2)
    assert err.startswith("error: hydra.launcher.cluster: ")


@pytest.mark.slow
def test_a_ray_cluster_on_this_machine(program: Program) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    compare(program, "hydra/launcher=ray", "hydra.launcher.num_cpus=0.5")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("joblib hydra.launcher.n_jobs=0", "n_jobs, if it is not -1: must be a whole number, 1 or"),
        ("joblib hydra.launcher.n_jobs=two", "n_jobs, if it is not -1: must be a whole number"),
        ("sequential hydra.launcher.together=1.5", "together: must be a whole number, 1 or more"),
        ("submitit hydra.launcher.cluster=local hydra.launcher.requeue=x", "requeue: must be a"),
        (
            "submitit hydra.launcher.cluster=local hydra.launcher.parameters.timeout_min=x",
            "parameters: ",
        ),
    ],
)
def test_wrong_settings_are_refused(program: Program, settings: str, message: str) -> None:
    if "submitit" in settings:
        pytest.importorskip("submitit", reason="the extra submitit is not installed")
    _, err = program.run(*SWEEP, *f"hydra/launcher={settings}".split(), status=2)
    assert err.startswith(f"error: hydra.launcher.{message}")
    assert "Traceback" not in err


def test_jobs_of_this_machine_are_not_all_begun_at_once(program: Program) -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    program.run(*SWEEP, "hydra/launcher=submitit", "hydra.launcher.cluster=local",
                "hydra.launcher.parameters.gpus_per_node=0",
                "hydra.launcher.parameters.slurm_array_parallelism=1")  # fmt: skip
    log = (program.folder / "log").read_text().splitlines()
    runs = [line.split()[1] for line in log]
    assert runs == sorted(runs)  # a run's lines stand together


def test_what_sbatch_refuses_is_told(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    for name in ("sbatch", "srun"):
        tool = program.folder / name
        tool.write_text("#!/bin/sh\necho Invalid generic resource >&2\nexit 1\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.folder), prepend=os.pathsep)
    _, err = program.run(*SWEEP, "hydra/launcher=submitit", status=2)
    last = err.splitlines()[-1]
    assert last.startswith("error: SLURM takes no such jobs, hydra.launcher.parameters: ")
    assert "Invalid generic resource" in last
    assert "Traceback" not in err

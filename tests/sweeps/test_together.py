"""Groups of runs: what fails or is killed in one, and what is asked for wrongly."""

import multiprocessing
import time
from pathlib import Path

import pytest

from dnaft.run_folder import CHECKPOINTS, LAST_CHECKPOINT
from sweep_program import STEPS
from sweep_runs import Program, rows

FOUR = ("-m", "method=lora", "seed=1,2,3,4")
RESULTS = [f"yeast_promoter/yeast_mini/lora/seed{seed}" for seed in (1, 2, 3, 4)]


def test_a_run_that_fails_leaves_the_others_of_its_group_to_go_on(program: Program) -> None:
    sweep = ("-m", "method=lora", "seed=13,1,14,2", "hydra.launcher.together=4")
    out, err = program.run(*sweep, status=1)
    assert "failed   seed=13: seed: 13 brings bad luck" in out
    assert "done     seed=1: dev mcc 0.1990" in out
    assert err.splitlines()[-1] == "error: 2 of 4 runs failed"
    assert err.count("KeyError: 'a bug'") == 1 + 1
    assert program.results() == RESULTS[:2]
    log = Path(program.folder, "outputs", RESULTS[1], "output.log").read_text()
    assert log.splitlines() == [f"step {step + 1}" for step in range(STEPS)]
    again, _ = program.run("-m", "method=lora", "seed=1,2", "hydra.launcher.together=2")
    assert "2 runs, 2 of them done already" in again


def test_a_killed_group_is_done_again_without_doing_anything_twice(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork has torch imported already."""
    monkeypatch.setenv("SWEEP_SECONDS", "8")
    arguments = (*FOUR, "hydra.launcher.together=4")
    process = multiprocessing.get_context("fork").Process(target=program.run, args=arguments)
    process.start()
    first = Path(program.folder, "outputs", RESULTS[0])
    while not (first / CHECKPOINTS / LAST_CHECKPOINT).is_file():
        assert process.is_alive()
        time.sleep(0.05)
    process.kill()
    process.join()
    monkeypatch.setenv("SWEEP_SECONDS", "0")
    assert len(list(first.parent.iterdir())) == 4
    out, _ = program.run(*FOUR, "hydra.launcher.together=3")
    assert len(rows(out)) == 2 + 4
    assert program.results() == RESULTS
    assert program.log("done") == {f"lora-{seed}": 1 for seed in (1, 2, 3, 4)}
    assert len(program.log("step")) >= 4 * STEPS - 1
    assert set(program.log("step").values()) == {1}


def test_fewer_than_one_at_a_time_are_refused(program: Program) -> None:
    _, err = program.run(*FOUR, "hydra.launcher.together=0", status=2)
    assert err == "error: hydra.launcher.together: must be a whole number, 1 or more, got 0\n"

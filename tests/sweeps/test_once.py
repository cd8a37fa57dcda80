"""A sweep does each run once, whatever happens to it."""

import random
import signal
import threading

from sweep_program import STEPS
from sweep_runs import Program, rows

FOUR = ("-m", "method=lora,dora", "seed=1,2")
RESULTS = [f"yeast_promoter/yeast_mini/{m}/seed{s}" for m in ("dora", "lora") for s in (1, 2)]
DONE = {"lora-1": 1, "lora-2": 1, "dora-1": 1, "dora-2": 1}


def test_twice_does_the_work_once(program: Program) -> None:
    first, _ = program.run(*FOUR)
    assert len(rows(first)) == 2 + 4
    assert "best on dev: method=" in first
    second, _ = program.run(*FOUR, "progress=false", "resume=true", "data.num_workers=1")
    assert rows(second) == rows(first)
    assert "4 runs, 4 of them done already" in second
    assert program.log("done") == DONE
    assert program.results() == RESULTS


def test_a_single_run_counts_but_is_not_skipped_itself(program: Program) -> None:
    program.run("method=lora", "seed=1")
    out, _ = program.run("-m", "method=lora", "seed=1,2")
    assert "2 runs, 1 of them done already" in out
    program.run("method=lora", "seed=1")
    assert [name.rpartition("/")[2] for name in program.results()] == ["seed1", "seed1-2", "seed2"]


def test_another_configuration_of_the_same_name_is_not_taken_for_it(program: Program) -> None:
    # data_dir is no part of the folder's name.
    sweep = ("-m", "method=lora", "seed=1")
    program.run(*sweep, "data_dir=a")
    out, _ = program.run(*sweep, "data_dir=b")
    assert "done already" not in out
    program.run(*sweep, "data_dir=b")
    assert program.log("done") == {"lora-1": 2}
    assert [name.rpartition("/")[2] for name in program.results()] == ["seed1", "seed1-2"]


def test_failures_come_at_the_end_while_the_rest_goes_on(program: Program) -> None:
    wrong = ("-m", "method=lora", "seed=13,1")
    out, err = program.run(*wrong, status=2)
    assert "[1/2] failed   seed=13: seed: 13 brings bad luck" in out
    assert "[2/2] done     seed=1: dev mcc 0.1990" in out
    assert err.splitlines() == [
        "error: seed=13: seed: 13 brings bad luck; take another",
        "error: 1 of 2 runs failed",
    ]
    assert program.results() == ["yeast_promoter/yeast_mini/lora/seed1"]
    assert not (program.folder / "outputs/yeast_promoter/yeast_mini/lora/seed13").exists()

    _, err = program.run("-m", "method=lora,dora", "seed=14,13", status=1)
    assert err.count("KeyError: 'a bug'") == 1 + 2
    assert err.count("Traceback") == 1
    assert err.splitlines()[-1] == "error: 4 of 4 runs failed"


def test_killed_at_random_moments_it_ends_as_if_it_never_was(program: Program) -> None:
    generator = random.Random(1)
    kills = 0
    while True:
        process = program.start(*FOUR, seconds=1.5)
        assert process.stdout is not None
        assert process.stderr is not None
        # The first line shows that it has begun; a kill hits a run, or the time between two.
        # Three kills come in less than the six seconds that the runs sleep, so each hits a sweep.
        out = process.stdout.readline()
        killer = threading.Timer(generator.uniform(0.1, 1.8), process.kill)
        if kills < 3:
            killer.start()
        out += process.stdout.read()
        err = process.stderr.read()
        status = process.wait(timeout=60)
        killer.cancel()
        if status != -signal.SIGKILL:
            break
        kills += 1
    assert status == 0, out + err
    assert kills == 3
    assert program.log("done") == DONE
    assert program.results() == RESULTS
    # A step is noted after its checkpoint: a continued run does not do it again.
    assert set(program.log("step").values()) == {1}
    assert len(program.log("step")) >= 4 * STEPS - kills

    whole, _ = program.run(*FOUR, "output_dir=whole")
    assert rows(out) == rows(whole)


def test_two_processes_share_a_sweep(program: Program) -> None:
    both = [program.start(*FOUR, seconds=0.5) for _ in range(2)]
    ended = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    assert program.log("done") == DONE
    assert set(program.log("step").values()) == {1}
    assert program.results() == RESULTS
    assert rows(ended[0][0]) == rows(ended[1][0])
    assert len(rows(ended[0][0])) == 2 + 4


def test_an_interrupt_says_how_to_go_on(program: Program) -> None:
    process = program.start(*FOUR, seconds=20)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "interrupted; the same command goes on where it stopped\n"


def test_a_dry_run_of_a_command_that_has_none_is_refused(program: Program) -> None:
    _, err = program.run("dry_run=true", status=2)
    assert err == "error: dry_run: is for python -m dnaft.train; leave it out\n"
    assert not (program.folder / "outputs").exists()


def test_a_named_sweep_and_a_mistyped_one(program: Program) -> None:
    out, _ = program.run("sweep=rank", "method=lora", "method.rank=2,4")
    assert len(rows(out)) == 2 + 2
    typed, _ = program.run("-m", "method=lora", "method.rank=2,4")
    assert rows(typed) == rows(out)
    assert program.log("done") == {"lora-1": 2}
    _, err = program.run("sweep=rnk", status=2)
    assert err.startswith("error: sweep: there is no rnk; did you mean rank?")


def test_a_launcher_that_knows_nothing_of_run_folders_is_refused(program: Program) -> None:
    _, err = program.run(*FOUR, "hydra/launcher=basic", status=2)
    assert err.startswith("error: hydra/launcher: hydra._internal.core_plugins.basic_launcher")
    assert err.endswith("choose sequential, joblib, submitit or ray\n")
    assert program.results() == []

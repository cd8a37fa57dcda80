"""A sweep does each run once, whatever happens to it."""

import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from dnaft.command_line import CommandLine
from dnaft.run_folder import CARD
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


def test_what_cannot_be_composed_is_named_before_anything_runs(program: Program) -> None:
    out, err = program.run("-m", "method=lora,ia3", "method.rank=2,4", status=2)
    head, *lines = err.splitlines()
    assert head.startswith("error: 2 of 4 runs cannot be composed, so none was begun; correct the")
    assert [line.partition(" there is no such key; ")[0] for line in lines] == [
        f"  method=ia3 method.rank={rank}: method.rank:" for rank in (2, 4)
    ]
    _, err = program.run("-m", "method=lora,dora", "method.rnk=2,4", status=2)
    assert err == "error: method.rnk: there is no such key; did you mean rank?\n"
    _, err = program.run("-m", "callbacks=null,none", status=2)
    assert err.splitlines()[1].startswith("  callbacks=null: null is no choice; choose a file")
    _, err = program.run("-m", "method.optimizer.lr=interval(0,1)", status=2)
    assert err.startswith("error: method.optimizer.lr=interval(0,1): a grid has no intervals;")
    assert "done" not in out
    assert program.results() == []


def test_runs_of_one_configuration_are_done_once(program: Program) -> None:
    """In the papers' yeast runs this switch changes nothing, in those of promoters it does."""
    switch = ("-m", "released=[],[no_output_projection]", "model=opt_125m", "method=lingo")
    for _ in range(2):
        out, _ = program.run(*switch, "experiment=paper_yeast", "task=h3")
        assert "left out released=[no_output_projection]: the same as released=[]\n" in out
        assert "1 of 1 runs are done" in out
    assert program.log("done") == {"lingo-1": 1}
    out, _ = program.run(*switch, "experiment=paper_promoters", "task=prom_tata")
    assert "left out" not in out
    assert len(program.results()) == 1 + 2


def test_pretrainings_are_swept_too(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def job(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> None:
        (folder / CARD).parent.mkdir()
        (folder / CARD).write_text("{}")

    for begun in ("2 runs", "2 runs, 2 of them done already"):
        monkeypatch.setattr(sys, "argv", ["pretrain", "-m", "seed=1,2"])
        CommandLine("pretrain", job)()
        assert capsys.readouterr().out.splitlines()[0] == begun


def test_the_best_of_each_task_is_told_at_the_end(program: Program) -> None:
    out, _ = program.run("-m", "task=yeast_tata,yeast_promoter", "method=lora", "seed=1,2")
    found = out.partition("best on dev of each task:\n")[2].splitlines()
    runs = program.folder / "outputs"
    assert [line.split() for line in found] == [
        [
            task,
            "mcc",
            "0.1985",
            "(mean",
            "of",
            "2",
            "seeds)",
            f"task={task}",
            f"{runs}/{task}/yeast_mini/lora/seed1",
        ]
        for task in ("yeast_promoter", "yeast_tata")
    ]


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
    out, _ = program.run("sweep=rank", "method=lora", "method.rank=2,4", "seed=1")
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


def test_a_launcher_that_there_is_not(program: Program) -> None:
    _, err = program.run(*FOUR, "hydra/launcher=slurm", status=2)
    known = "joblib, ray, sequential, submitit"
    assert err == f"error: hydra/launcher: there is no slurm; there are {known}\n"

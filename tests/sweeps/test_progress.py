"""What a terminal shows while a sweep runs."""

import io
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dnaft.record import RunRecord
from dnaft.run_folder import RESULT
from dnaft.sweeps.best import best_of_tasks
from dnaft.sweeps.progress import picture, running_entries, wants_table
from dnaft.sweeps.run_output import LOG, kept_streams, output_to
from dnaft.sweeps.summary import Entry, Summary, duration
from dnaft.sweeps.work import Outcome

NOW = 1.7e9


def entry(folder: Path, label: str, dev: float | None = None, **changes: Any) -> Entry:
    """Make a run; with a dev score it has a result, after 30 seconds and 15 of start-up."""
    made = Entry(label, folder / label)
    if dev is not None:
        values: dict[str, Any] = {
            "task": "t", "model": "m", "method": "x", "seed": 1, "config": {}, "code_version": "",
            "data": {}, "parameters": {"trainable": 1, "total": 1, "fraction": 1.0},
            "scores": {"dev": {"mcc": dev}, "test": {}}, "timing": {"seconds": 30.0},
            "chosen": {"step": 1, "metric": "mcc", "value": dev},
        }  # fmt: skip
        made.base.mkdir()
        RunRecord(**values | changes).write(made.base / RESULT)
        made.finish(made.base)
        made.outcome = Outcome("done", 45.0)
    return made


def begin(run: Entry, text: str) -> None:
    """Make a run that began ten seconds before NOW and has just printed."""
    (run.base / ".hydra").mkdir(parents=True)
    note, log = run.base / ".hydra" / "overrides.yaml", run.base / LOG
    note.touch()
    log.write_text(text)
    os.utime(note, (NOW - 10, NOW - 10))
    os.utime(log, (NOW, NOW))


@pytest.fixture(autouse=True)
def _at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def test_the_table(tmp_path: Path) -> None:
    bad, good = entry(tmp_path, "lr=1", 0.0), entry(tmp_path, "lr=2", 0.25)
    running, waiting = entry(tmp_path, "lr=3"), entry(tmp_path, "lr=4")
    failed = Entry("lr=5", tmp_path / "lr=5", Outcome("failed", 1.0, message="no [such] file"))
    summary = Summary([bad, good, running, waiting, failed], started=NOW - 120)
    begin(running, "epoch 1\nepoch 2, dev mcc 0.1\n\n")

    output = io.StringIO()
    Console(file=output, width=150).print(picture(summary, 150))
    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    # Of the two that are left one has ten of its 30 seconds behind it.
    assert lines[0] == (
        "2 of 5 done  |  1 running  |  1 failed  |  best on dev: mcc 0.2500, lr=2  |  "
        "about 50 s left"
    )
    assert lines[1].split()[:2] == ["running", "lr=3"]
    assert lines[1].endswith("epoch 2, dev mcc 0.1")
    assert lines[2].split()[:2] == ["failed", "lr=5"]
    assert lines[2].endswith("no [such] file")
    assert len(lines) == 3


@pytest.mark.parametrize("width", [80, 110, 150])
def test_in_a_narrow_terminal_the_output_gives_way(width: int, tmp_path: Path) -> None:
    label = "method=baseline_onehot task=yeast_tata method.optimizer.lr=0.001 seed=3"
    running = entry(tmp_path, label)
    failed = Entry(f"{label}0", tmp_path / "f", Outcome("failed", 1.0, message="m" * 200))
    begin(running, "run folder: " + "/work" * 40)
    output = io.StringIO()
    summary = Summary([running, failed], started=NOW - 120)
    Console(file=output, width=width).print(picture(summary, width))
    lines = output.getvalue().splitlines()[-2:]
    assert re.match(r"running  ….* seed=3   ?10 s +run folder: /\S*…$", lines[0])
    assert re.match(r"failed   ….* seed=30 +m+…$", lines[1])
    assert max(map(len, lines)) <= width


def test_the_best_of_each_task_has_a_line(tmp_path: Path) -> None:
    runs = [entry(tmp_path, label, dev, task=task) for label, dev, task in (
        ("task=u lr=1", 0.9, "u"), ("task=t lr=1", -0.5, "t"), ("task=t lr=2", -0.25, "t"),
    )]  # fmt: skip
    assert [one.label for one in best_of_tasks(runs)] == ["task=t lr=2", "task=u lr=1"]
    assert best_of_tasks([]) == []
    output = io.StringIO()
    Console(file=output, width=100).print(picture(Summary(runs), 100))
    lines = [line.split() for line in output.getvalue().splitlines()]
    assert lines == [
        "3 of 3 done  |  0 running  |  0 failed".split(),
        "best task=t lr=2 t: dev mcc -0.2500".split(),
        "best task=u lr=1 u: dev mcc 0.9000".split(),
    ]


def test_the_best_is_a_setting_and_no_lucky_seed(tmp_path: Path) -> None:
    runs = [entry(tmp_path, label, dev) for label, dev in (
        ("lr=1 seed=1", 0.9), ("lr=1 seed=2", 0.1), ("lr=2 seed=1", 0.6), ("lr=2 seed=2", 0.7),
        ("lr=3 seed=1", 0.8),
    )]  # fmt: skip
    (best,) = best_of_tasks(runs)
    assert (best.label, best.scored) == ("lr=2", "mcc 0.6500 (mean of 2 seeds)")
    assert best.folder == runs[3].folder


def test_of_equals_the_best_is_the_last_of_the_table(tmp_path: Path) -> None:
    runs = [entry(tmp_path, f"lr={lr}", 0.5) for lr in (2, 3, 1)]
    (best,) = best_of_tasks(runs)
    assert best.label == "lr=3"
    assert Summary(runs).table().splitlines()[-1].split("|")[4].strip() == "lr=3"


def test_long_settings_lose_the_front_of_their_keys(tmp_path: Path) -> None:
    label = "method.optimizer.lr=0.001 method.inject.rank=8 method.inject.dropout=0.1 seed=1"
    table = Summary([entry(tmp_path, label, 0.5)]).table()
    assert "| lr=0.001 rank=8 dropout=0.1 seed=1 |" in table


def test_of_many_tasks_some_are_shown(tmp_path: Path) -> None:
    runs = [entry(tmp_path, f"task={n}", 0.5, task=f"t{n}") for n in range(14)]
    output = io.StringIO()
    Console(file=output, width=100).print(picture(Summary(runs), 100))
    lines = output.getvalue().splitlines()
    assert len(lines) == 1 + 12 + 1
    assert lines[-1].split() == "and of 2 tasks more".split()


def ended(*runs: Entry, ago: float, waiting: int) -> Summary:
    """A sweep that has these runs behind it, and began so many seconds ago."""
    more = [Entry(f"waits {n}", Path("none")) for n in range(waiting)]
    return Summary([*runs, *more], started=NOW - ago)


def test_time_left_is_measured_by_runs_that_were_done_here(tmp_path: Path) -> None:
    done = entry(tmp_path, "a", 0.5)
    assert Summary().started == 0.0  # what comes before the runs is no part of it
    assert ended(done, ago=45, waiting=3).seconds_left([]) == pytest.approx(3 * 30)
    assert ended(done, ago=55, waiting=3).seconds_left([10]) == pytest.approx(20 + 60)
    # Neither are runs that fail at once, that were there already, or that were continued.
    failed = [Entry("f", tmp_path, Outcome("failed", 0.1)) for _ in range(5)]
    before = entry(tmp_path, "b", 0.5)
    before.outcome = None
    continued = entry(tmp_path, "c", 0.5, timing={"seconds": 1.0}, config={"resume": True})
    mixed = ended(done, *failed, before, continued, ago=100, waiting=3)
    assert mixed.seconds_left([]) == pytest.approx(3 * 30)
    assert ended(*failed, before, continued, ago=100, waiting=3).seconds_left([]) is None


def test_time_left_of_several_at_once(tmp_path: Path) -> None:
    done = [entry(tmp_path, name, 0.5, timing={"seconds": 45.0}) for name in "ab"]
    # Two at once took 45 seconds; of four others two run for 15 seconds: 30 for them, then 45.
    summary = ended(*done, ago=60, waiting=4)
    assert summary.seconds_left([15, 15]) == pytest.approx(30 + 45)
    assert ended(*done, ago=60, waiting=0).seconds_left([]) is None


def test_a_run_of_an_earlier_sweep_does_not_run(tmp_path: Path) -> None:
    run = entry(tmp_path, "lr=3")
    begin(run, "epoch 1")
    assert running_entries(Summary([run], started=NOW + 5)) == []
    assert len(running_entries(Summary([run], started=NOW - 5))) == 1


@pytest.mark.parametrize(
    ("terminal", "ci", "progress", "live"),
    [
        (True, "", True, True),
        (False, "", True, False),
        (True, "true", True, False),
        (True, "", False, False),
    ],
)
def test_a_table_only_where_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, ci: str, progress: bool, live: bool
) -> None:
    monkeypatch.setenv("CI", ci)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    assert wants_table(stream, progress) is live


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1:00 min"), (200, "3:20 min"), (7500, "2:05 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_stream_that_a_library_keeps_outlives_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with kept_streams():
        with output_to(tmp_path / "a"):
            kept = sys.stderr
            print("first")
        with output_to(tmp_path / "b"):
            kept.write("second\n")
        kept.write("outside\n")
    assert (tmp_path / "a" / LOG).read_text() == "first\n"
    assert (tmp_path / "b" / LOG).read_text() == "second\n"
    assert capsys.readouterr().err == "outside\n"

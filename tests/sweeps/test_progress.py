"""What a terminal shows while a sweep runs."""

import io
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dnaft.record import RunRecord
from dnaft.run_folder import RESULT
from dnaft.sweeps.progress import picture, running_entries, wants_table
from dnaft.sweeps.run_output import LOG, kept_streams, output_to
from dnaft.sweeps.summary import Entry, Summary, duration
from dnaft.sweeps.work import Outcome


def entry(folder: Path, label: str, dev: float | None = None, **changes: Any) -> Entry:
    """Make a run; with a dev score it has a result."""
    made = Entry(label, folder / label)
    if dev is not None:
        values: dict[str, Any] = {
            "task": "t", "model": "m", "method": "x", "seed": 1, "config": {}, "code_version": "",
            "data": {}, "parameters": {"trainable": 1, "total": 1, "fraction": 1.0},
            "scores": {"dev": {"mcc": dev}, "test": {}}, "timing": {"seconds": 1.0},
            "chosen": {"step": 1, "metric": "mcc", "value": dev},
        }  # fmt: skip
        made.base.mkdir()
        RunRecord(**values | changes).write(made.base / RESULT)
        made.finish(made.base)
        made.outcome = Outcome("done", 30.0)
    return made


def begin(run: Entry, text: str) -> None:
    (run.base / ".hydra").mkdir(parents=True)
    (run.base / ".hydra" / "overrides.yaml").touch()
    (run.base / LOG).write_text(text)


def test_the_table(tmp_path: Path) -> None:
    bad, good = entry(tmp_path, "lr=1", 0.0), entry(tmp_path, "lr=2", 0.25)
    running, waiting = entry(tmp_path, "lr=3"), entry(tmp_path, "lr=4")
    failed = Entry("lr=5", tmp_path / "lr=5", Outcome("failed", 60.0, message="no [such] file"))
    summary = Summary([bad, good, running, waiting, failed], started=time.time() - 120)
    begin(running, "epoch 1\nepoch 2, dev mcc 0.1\n\n")

    output = io.StringIO()
    Console(file=output, width=150).print(picture(summary))
    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    # 120 seconds for three that ended, so 80 for the two that are left.
    assert lines[0] == (
        "2 of 5 done  |  1 running  |  1 failed  |  best on dev: mcc 0.2500, lr=2  |  "
        "about 1:20 min left"
    )
    assert lines[1].split()[:2] == ["running", "lr=3"]
    assert lines[1].endswith("epoch 2, dev mcc 0.1")
    assert lines[2].split()[:2] == ["failed", "lr=5"]
    assert lines[2].endswith("no [such] file")
    assert len(lines) == 3


def test_the_best_is_that_of_one_task_and_metric(tmp_path: Path) -> None:
    runs = [entry(tmp_path, "a", -0.5), entry(tmp_path, "b", -0.25)]
    best = Summary(runs).best()
    assert best is not None
    assert best.label == "b"
    assert Summary([*runs, entry(tmp_path, "c", 0.9, task="u")]).best() is None
    assert Summary([]).best() is None


def test_a_run_of_an_earlier_sweep_does_not_run(tmp_path: Path) -> None:
    run = entry(tmp_path, "lr=3")
    begin(run, "epoch 1")
    assert running_entries(Summary([run], started=time.time() + 5)) == []
    assert len(running_entries(Summary([run], started=time.time() - 5))) == 1


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

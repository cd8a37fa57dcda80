"""The command line as a process: what needs no training answers without loading what trains."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("torch", "lightning", "transformers", "peft", "sklearn", "numpy", "pydantic", "pandas")
# Runs `python -m dnaft.train ARGUMENTS`, then writes the heavy packages that it has imported.
PROBE = f"""
import runpy, sys
sys.argv[0] = "dnaft.train"
try:
    runpy.run_module("dnaft.train", run_name="__main__", alter_sys=True)
finally:
    print("imported:", [name for name in {HEAVY!r} if name in sys.modules])
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROBE, *arguments]
    env = {"PYTHONPATH": str(REPOSITORY)} | dict(os.environ)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "adalora_rs"),
        (["--cfg", "job"], "_target_: dnaft.data.task.Task"),
        (["--cfg", "job", "--resolve", "task=prom_tata"], "Domain: DNA Promoter"),
        (["--cfg", "job", "--package", "method", "method=lora"], "name: lora"),
    ],
)
def test_questions_are_answered_at_once(tmp_path: Path, arguments: list[str], shown: str) -> None:
    if "Domain" in shown:
        arguments = [*arguments, "method=lingo", "model=tiny_opt"]
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert done.stdout.endswith("imported: []\n")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["method=lroa"], "error: method: there is no lroa; did you mean lora?"),
        (["method=_base"], "error: method: _base is what other files build upon"),
        (["trainer.max_epochz=3"], "error: trainer.max_epochz: there is no such key; did you mean"),
        (["seed=-3"], "error: seed: must lie between 0"),
        (["output_dir=/proc/dnaft"], "error: output_dir: cannot write to /proc/dnaft"),
        (["task=csv"], "error: task.source.train: has no value"),
    ],
)
def test_mistakes_are_refused_at_once(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert done.stdout.endswith("imported: []\n")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not list(tmp_path.rglob("seed*"))


def test_bases_are_not_offered(tmp_path: Path) -> None:
    assert "_base" not in run(tmp_path, "method=lroa").stderr


def test_unknown_flag(tmp_path: Path) -> None:
    done = run(tmp_path, "--epochs", "3")
    assert done.returncode == 2
    assert "--epochs" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_traceback_can_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    done = run(tmp_path, "method=lroa")
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path) -> None:
    small = ["trainer.max_epochs=500", "trainer.limit_train_batches=2", "trainer.accelerator=cpu"]
    command = [sys.executable, "-m", "dnaft.train", "method=lora", "progress=false", *small]
    env = {"PYTHONPATH": str(REPOSITORY)} | dict(os.environ)
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=env | {"DNAFT_CACHE_DIR": str(tmp_path / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs tests in the background has them ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("last.ckpt")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "resume=true" in message
    assert "Traceback" not in message
    assert list(tmp_path.rglob("last.ckpt"))

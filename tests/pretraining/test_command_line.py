"""The command line as a process: questions are answered without loading what trains."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("torch", "lightning", "transformers", "peft", "sklearn", "numpy", "pydantic", "pandas")
PROBE = f"""
import runpy, sys
sys.argv[0] = "dnaft.pretrain"
try:
    runpy.run_module("dnaft.pretrain", run_name="__main__", alter_sys=True)
finally:
    print("imported:", [name for name in {HEAVY!r} if name in sys.modules])
"""
SMALL = ["model.architecture.hidden_size=16", "plan.batch_tokens=600", "window_bp=60"]


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(REPOSITORY)} | dict(os.environ)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "yeast_annotated"),
        (["--cfg", "job"], "_target_: dnaft.pretraining.yeast.yeast_genome"),
        (["--cfg", "job", "--package", "objective", "objective=causal"], "NextToken"),
    ],
)
def test_questions_are_answered_at_once(tmp_path: Path, arguments: list[str], shown: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert done.stdout.endswith("imported: []\n")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["genome=yaest"], "error: genome: there is no yaest; did you mean yeast?"),
        (["plan.setps=3"], "error: plan.setps: there is no such key; did you mean steps?"),
        (["genome=fasta"], "error: genome.name: has no value; give one with genome.name=VALUE"),
        (["output_dir=/proc/dnaft"], "error: output_dir: cannot write to /proc/dnaft"),
    ],
)
def test_mistakes_are_refused_at_once(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout.endswith("imported: []\n")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_goes_on_from_a_whole_checkpoint(
    tmp_path: Path, genome_overrides: list[str]
) -> None:
    """Checkpoints are replaced in one move: whenever the process dies, one can be read."""
    command = [
        sys.executable, "-m", "dnaft.pretrain", *genome_overrides, *SMALL, "plan.steps=100000",
        "held_out.windows=4", "held_out.look_windows=1", "trainer.accelerator=cpu",
        "tokenizer=character",
    ]  # fmt: skip
    process = subprocess.Popen(
        [*command, "session.checkpoint_minutes=1e-6", "session.report_seconds=0.1"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("last.ckpt")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    done = subprocess.run(
        [*command, "resume=true", "session.hours=1e-9"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "stopped at step" in done.stdout
    (curve,) = tmp_path.rglob("curve.csv")
    steps = [int(line.partition(",")[0]) for line in curve.read_text().splitlines()[1:]]
    assert len(steps) > 2
    assert steps == sorted(set(steps))


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path, genome_overrides: list[str]) -> None:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "dnaft.pretrain", *genome_overrides, *SMALL,
            "plan.steps=100000", "held_out.windows=4", "held_out.look_windows=1",
            "trainer.accelerator=cpu", "tokenizer=character", "session.checkpoint_minutes=1e-6",
        ],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("last.ckpt")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "resume=true" in message
    assert "Traceback" not in message

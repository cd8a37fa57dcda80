"""The command line as a process: what needs no training answers without loading what trains."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from dnaft.config import config_dir, register_schema

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


@pytest.mark.parametrize("command", ["train", "pretrain"])
def test_help_needs_the_standard_library_alone(tmp_path: Path, command: str) -> None:
    """In an interpreter that knows no installed package."""
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); sys.argv = ['x', '--help']; "
    code += f"from dnaft.{command} import main; main()"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"python -m dnaft.{command} " in done.stdout


@pytest.mark.parametrize("command", ["train", "pretrain", "data", "data get", "export", "report"])
def test_help_may_be_read_in_part(command: str) -> None:
    """As by `| head`, which closes the pipe when it has seen enough."""
    name, *rest = command.split()
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", f"dnaft.{name}", *rest, "--help"],
        cwd=REPOSITORY, stdout=writing, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_lists_every_choice_and_every_key(tmp_path: Path) -> None:
    (tmp_path / "mine" / "task").mkdir(parents=True)
    (tmp_path / "mine" / "task" / "enhancers_of_mine.yaml").touch()
    text = run(tmp_path, "--help", "--config-dir", "mine").stdout
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    register_schema()
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose("train", return_hydra_config=True)
    chosen = config.hydra.runtime.choices
    groups = [g for g in chosen if not g.startswith("hydra/") and "/_" not in g]
    assert set(groups) >= {"task", "tokenizer", "model", "method", "experiment"}
    for group in groups:
        files = {file.stem for file in Path(config_dir(), group).glob("*.yaml")}
        more = {"enhancers_of_mine"} if group == "task" else set()
        known = {name for name in files if not name.startswith("_")} | more
        assert set(lines[group].split(", ")) == known
    assert "\n  default: adalora_rs\n" in text
    for key in config:
        assert key in (*groups, "hydra") or f"\n{key}:" in text, key


def test_training_a_language_model_imports_no_library_of_other_methods() -> None:
    packages = ("sklearn", "pandas", "wandb", "bitsandbytes", "h5py", "datasets")
    code = f"import sys, dnaft.run; print([name for name in {packages!r} if name in sys.modules])"
    env = {"PYTHONPATH": str(REPOSITORY)} | dict(os.environ)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


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

"""What is recorded about the place of a run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dnaft import __version__
from dnaft.environment import code_version, describe

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def run_program(program: str) -> int:
    """Return the number that a fresh interpreter prints."""
    command = [sys.executable, "-c", program]
    root = Path(__file__).parents[1]
    return int(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package committed in a git checkout."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    return folder


def test_describe_is_json_with_the_versions_in_use() -> None:
    found = json.loads(json.dumps(describe()))
    assert found["packages"]["numpy"] == np.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["cores"] >= found["cores_usable"] >= 1
    assert found["cpu"]
    assert found["torch_threads"] >= 1
    assert found["memory_bytes"] > 2**28


@needs_git
def test_code_version_in_a_checkout(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = f"{__version__}+g{git(package, 'rev-parse', 'HEAD')[:12]}"
    assert code_version(package) == clean
    (package.parent / "notes.txt").write_text("outside the package")
    assert code_version(package) == clean
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as inside a git hook
    assert code_version(package) == clean
    monkeypatch.delenv("GIT_DIR")
    (package / "new.py").write_text("")
    assert code_version(package) == f"{clean}.dirty"
    (package / "new.py").unlink()
    (package / "__init__.py").write_text("changed = 1\n")
    assert code_version(package) == f"{clean}.dirty"


@needs_git
def test_code_version_installed_inside_another_checkout(package: Path) -> None:
    installed = package.parent / ".venv" / "dnaft"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert code_version(installed) == __version__


@needs_git
def test_code_version_before_the_first_commit(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    assert code_version(tmp_path) == __version__


def test_code_version_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_version(tmp_path) == __version__
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_version(tmp_path) == __version__


def test_peak_memory_remembers_what_was_held() -> None:
    program = (
        "from dnaft.environment import peak_memory; before = peak_memory()['process_bytes'];"
        "held = bytearray(b'x' * 2**27); del held;"
        "print(peak_memory()['process_bytes'] - before)"
    )
    assert 2**27 * 0.9 < run_program(program) < 2**29


def test_peak_memory_of_a_child_is_its_own() -> None:
    held = np.ones(2**28, dtype=np.uint8)  # 256 MiB, which the child must not report
    program = "from dnaft.environment import peak_memory; print(peak_memory()['process_bytes'])"
    assert 2**22 < run_program(program) < held.nbytes


def test_importing_it_loads_nothing_heavy() -> None:
    assert run_program("import sys, dnaft.environment; print(int('torch' in sys.modules))") == 0

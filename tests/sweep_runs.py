"""Runs of tests/sweep_program.py in a folder of their own."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

import sweep_program

TESTS = Path(__file__).parent


class Program:
    """The program, as a process or in this one."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self._patch = monkeypatch
        self._capsys = capsys
        paths = [str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
        monkeypatch.setenv("SWEEP_LOG", str(folder / "log"))
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        monkeypatch.chdir(folder)

    def start(self, *arguments: str, seconds: float) -> subprocess.Popen[str]:
        """Start the program as a process whose runs take so long."""
        return subprocess.Popen(
            [sys.executable, str(TESTS / "sweep_program.py"), *arguments],
            cwd=self.folder,
            env=os.environ | {"SWEEP_SECONDS": str(seconds)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C reaches a process and all that it started
            # A suite in the background may have been told to ignore interrupts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(self, *arguments: str, status: int = 0) -> tuple[str, str]:
        """Run the program here; return standard output and error if it ends with `status`."""
        self._patch.setattr(sys, "argv", ["sweep_program.py", *arguments])
        ended = 0
        try:
            sweep_program.main()
        except SystemExit as stop:
            ended = int(str(stop.code))
        out, err = self._capsys.readouterr()
        assert ended == status, out + err
        return out, err

    def log(self, word: str) -> Counter[str]:
        """Count the lines that begin with a word: `done`, or `step`."""
        file = self.folder / "log"
        lines = file.read_text().splitlines() if file.exists() else []
        return Counter(line.removeprefix(f"{word} ") for line in lines if line.startswith(word))

    def results(self) -> list[str]:
        """Return the folders with a result, below outputs."""
        outputs = self.folder / "outputs"
        return sorted(str(f.parent.relative_to(outputs)) for f in outputs.rglob("result.json"))


def rows(out: str) -> Sequence[str]:
    """Return the lines of the table of results."""
    return [line for line in out.splitlines() if line.startswith("| ")]

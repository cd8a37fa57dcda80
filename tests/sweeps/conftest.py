"""A program that sweeps, in a folder of its own."""

from pathlib import Path

import pytest

from sweep_runs import Program


@pytest.fixture
def program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    return Program(tmp_path, monkeypatch, capsys)

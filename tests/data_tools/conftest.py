"""`python -m dnaft.data` in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command; return its status and what it wrote to either stream. The cache is empty."""
    from huggingface_hub import constants

    from dnaft.data_tools import main

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.delenv("DNAFT_DATA_DIR", raising=False)

    def call(*typed: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dnaft.data", *map(str, typed)])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return call

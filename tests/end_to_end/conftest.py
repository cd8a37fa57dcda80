"""A command line that runs in this process, and a small task of real sequences."""

import sys
from pathlib import Path

import pytest

from small_runs import Command, write_promoters

ROWS = {"train": 96, "dev": 48, "test": 48}


@pytest.fixture(scope="session")
def promoter_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides of task=csv with the first rows of each split of the packaged yeast promoters."""
    return write_promoters(tmp_path_factory.mktemp("promoters"), ROWS, 2, lambda n: 60)


@pytest.fixture
def train(tmp_path: Path, promoter_files: list[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `python -m dnaft.train` with these overrides; return the newest run folder."""
    monkeypatch.setenv("DNAFT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(*overrides: str, task: list[str] | None = None, out: str = "out") -> Path:
        from dnaft.train import main

        arguments = [*(task or promoter_files), f"output_dir={tmp_path / out}", *overrides]
        monkeypatch.setattr(sys, "argv", ["dnaft.train", *arguments])
        main()
        results = sorted((tmp_path / out).rglob("result.json"), key=lambda f: f.stat().st_mtime_ns)
        return results[-1].parent

    return run

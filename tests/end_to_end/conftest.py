"""A command line that runs in this process, and a small task of real sequences."""

import csv
import sys
from pathlib import Path

import pytest

from dnaft.data.packed import read_packed
from small_runs import Command

ASSETS = Path(__file__).parents[2] / "dnaft" / "assets"
ROWS = {"train": 96, "dev": 48, "test": 48}


@pytest.fixture(scope="session")
def promoter_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides of task=csv with the first rows of each split of the packaged yeast promoters."""
    folder = tmp_path_factory.mktemp("promoters")
    windows = read_packed(ASSETS / "yeast" / "promoter.safetensors")
    sequences = windows.sequences()
    overrides = ["task=csv", "task.name=promoters"]
    for code, (split, rows) in enumerate(ROWS.items()):
        of_split = [i for i, s in enumerate(windows.split) if s == code]
        half = rows // 2
        chosen = [i for i in of_split if windows.labels[i]][:half]
        chosen += [i for i in of_split if not windows.labels[i]][:half]
        with (folder / f"{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sequence", "label"])
            writer.writerows([sequences[i][-60:], int(windows.labels[i])] for i in chosen)
        overrides.append(f"task.source.{split}={folder / split}.csv")
    return overrides


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

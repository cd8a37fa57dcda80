"""Shared fixtures: where real data and golden files lie."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def _folder(variable: str, default: Path) -> Path:
    path = Path(os.environ.get(variable, default)).expanduser()
    if not path.is_dir():
        pytest.skip(f"no folder {path}: set {variable} to run this test")
    return path


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with the benchmark data (`data/`) and golden files (`golden/`)."""
    return _folder("DNAFT_SHARED_DIR", REPOSITORY.parent / "shared")


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The folder with what the original implementations compute."""
    shared = Path(os.environ.get("DNAFT_SHARED_DIR", REPOSITORY.parent / "shared"))
    return _folder("DNAFT_GOLDEN_DIR", shared / "golden")

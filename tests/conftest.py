"""Shared fixtures: where real data and golden files lie."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

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


@pytest.fixture(scope="session", autouse=True)
def float32() -> Iterator[None]:
    """Train in float32 where the configuration leaves it open: oracles hold on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dnaft.strategy.choose_precision", lambda *_: ("32-true", "of tests"))
        yield


@pytest.fixture(scope="session")
def golden(golden_dir: Path) -> ModuleType:
    """The reader of the golden models, which lies beside them."""
    spec = importlib.util.spec_from_file_location("golden", golden_dir / "golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

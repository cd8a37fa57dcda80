"""The built wheel, installed in a folder, works from an empty one: configuration and assets."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
# Composes every file of every group from the configuration that came with the package.
COMPOSE = """
from pathlib import Path
import dnaft
from hydra import compose, initialize_config_dir
from dnaft.config import config_dir, register_schema

conf = Path(config_dir())
assert conf == Path(dnaft.__file__).parent / "conf", conf
register_schema()
files = sorted(conf.glob("*/[!_]*.yaml"))
with initialize_config_dir(str(conf), version_base="1.3"):
    for file in files:
        group = file.parent.name
        name = "pretrain" if group in ("genome", "objective") else "train"
        compose(name, overrides=[f"{group}={file.stem}"])
print(len(files))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(REPOSITORY)], check=True, timeout=300)
    (built,) = folder.glob("dnaft-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(folder), str(wheel)], check=True, timeout=300)
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ) | {
        "PYTHONPATH": str(installed),
        "DNAFT_CACHE_DIR": str(folder / "cache"),
    }
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def test_contents(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "dnaft/assets"):
        for file in (REPOSITORY / folder).rglob("*.*"):
            if file.is_file():
                inside = file.relative_to(REPOSITORY).as_posix()
                assert (inside if inside.startswith("dnaft/") else f"dnaft/{inside}") in names
    assert "dnaft/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [n for n in names if not n.startswith(("dnaft/", "dnaft-"))]
    assert not [n for n in names if "__pycache__" in n or "/tests/" in n]


def test_configuration_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    shown = run(installed, tmp_path, "-m", "dnaft.train", "--cfg", "job", "task=prom_tata")
    assert shown.returncode == 0, shown.stderr
    assert "name: prom_tata" in shown.stdout
    composed = run(installed, tmp_path, "-c", COMPOSE)
    assert composed.returncode == 0, composed.stderr
    assert int(composed.stdout) == len(list((REPOSITORY / "conf").glob("*/[!_]*.yaml")))
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_the_packaged_data(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "-m", "dnaft.train", "method=baseline_kmer")
    assert done.returncode == 0, done.stderr
    (result,) = (tmp_path / "outputs").rglob("result.json")
    assert result.parent == tmp_path / "outputs/yeast_promoter/none/baseline_kmer/seed1"


def test_a_packaged_tokenizer(installed: Path, tmp_path: Path) -> None:
    code = (
        "from dnaft.tokenizers.bpe import BpeTokenizer; "
        "print(BpeTokenizer('package:bbpe_yeast').vocab_size)"
    )
    done = run(installed, tmp_path, "-c", code)
    assert done.stdout.strip() == "2048", done.stderr

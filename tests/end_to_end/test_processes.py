"""Two processes over gloo carry out one run: the numbers and the files of a single one."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from dnaft.errors import InputError
from rank_runs import module
from small_runs import SMALL_BERT, Command, result, write_promoters

# Of 16 rows a batch, the last of train has 1: fewer than processes. Dev and test have 3 batches.
ROWS = {"train": 97, "dev": 49, "test": 50}
SETTINGS = [
    "method=adalora_rs", "method.inject.dropout=0", *SMALL_BERT, "loss.class_weights=[1,3]",
    "trainer.max_epochs=3", "data.batch_size=16", "data.eval_batch_size=20",
    "trainer.precision=32-true",
]  # fmt: skip
Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides of a task of yeast promoters of three lengths, of which 1 in 3 is one."""
    folder = tmp_path_factory.mktemp("promoters")
    return write_promoters(folder, ROWS, 3, lambda n: 60 + 6 * (n % 3))


@pytest.fixture
def together(tmp_path: Path, task: list[str]) -> Program:
    """Run the command line with two processes, each of which leaves its rank history."""

    def run(*overrides: str, **environment: str) -> subprocess.CompletedProcess[str]:
        tests = Path(__file__).parents[1]
        paths = os.pathsep.join([str(tests), *filter(None, sys.path)])
        surroundings = {
            "PYTHONPATH": paths, "HISTORIES": str(tmp_path), "OMP_NUM_THREADS": "1",
            "DNAFT_CACHE_DIR": str(tmp_path / "cache"),
        }  # fmt: skip
        program = [sys.executable, str(tests / "process_program.py")]
        where = f"output_dir={tmp_path / 'together'}"
        return subprocess.run(
            [*program, *task, *SETTINGS, where, "trainer.devices=2", *overrides],
            env=os.environ | surroundings | environment,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )

    return run


def predictions(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    assert table["row"].to_pylist() == list(range(ROWS["test"]))
    columns = (torch.tensor(table[name].to_pylist()) for name in ("label", "score"))
    labels, scores = columns
    return labels, scores


def files(folder: Path) -> set[str]:
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    return {name for name in found if not name.startswith(("metrics.until", ".lock"))}


def same_run(found: Path, expected: Path) -> None:
    """The masks step by step, what each row got, the scores and which files there are."""
    assert (found / "ranks.csv").read_text() == (expected / "ranks.csv").read_text()
    one, two = result(expected), result(found)
    assert two["chosen"]["step"] == one["chosen"]["step"]
    assert two["ranks"] == one["ranks"]
    for split in ("dev", "test"):
        assert two["scores"][split] == pytest.approx(one["scores"][split], abs=1e-6)
    labels, scores = predictions(found)
    torch.testing.assert_close(labels, predictions(expected)[0])
    torch.testing.assert_close(scores, predictions(expected)[1], rtol=0, atol=1e-5)
    assert files(found) == files(expected)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("strategy", ["auto", "fsdp"])
def test_two_processes_give_the_run_of_one(
    strategy: str, train: Command, task: list[str], together: Program, tmp_path: Path
) -> None:
    alone = train(*SETTINGS, task=task)
    done = together(f"trainer.strategy={strategy}")
    assert done.returncode == 0, done.stderr
    (folder,) = {file.parent for file in (tmp_path / "together").rglob("result.json")}
    same_run(folder, alone)
    assert result(folder)["training"]["processes"] == 2
    assert ("are parted among 2 processes" in done.stdout) == (strategy == "fsdp")
    assert done.stdout.count("epoch 3, step 21: dev loss") == 1, "one of them speaks"
    first, second = histories(tmp_path)
    assert first["rows"]
    assert second == first
    kept = [int(row["kept"]) for row in csv.DictReader((alone / "ranks.csv").open())]
    assert [row["kept"] for row in first["rows"]] == kept


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("strategy", ["auto", "fsdp"])
def test_one_of_them_killed_ends_the_run_and_resuming_equals_the_straight_run(
    strategy: str, train: Command, task: list[str], together: Program, tmp_path: Path
) -> None:
    alone = train(*SETTINGS, task=task)
    done = together(f"trainer.strategy={strategy}", DIES_IN_EPOCH="2")
    assert done.returncode == 2, done.stderr
    assert "error: process 2 of 2 was killed (SIGKILL)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "together").rglob("result.json"))

    done = together(f"trainer.strategy={strategy}", "resume=true")
    assert done.returncode == 0, done.stderr
    (folder,) = {file.parent for file in (tmp_path / "together").rglob("result.json")}
    same_run(folder, alone)
    first, second = histories(tmp_path)
    assert second == first


def histories(folder: Path) -> list[dict[str, Any]]:
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def test_as_many_processes_as_wrote_a_checkpoint_resume_it() -> None:
    with pytest.raises(InputError, match="written by 2 processes, now there are 1"):
        module().on_load_checkpoint({"random_states": [{}, {}]})

"""Where data are looked for: folders, the hub's cache, the hub, and then one clear error.

The hub's client reads its environment when imported, so each case runs in its own process. The
hub is a small server on this machine.
"""

import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from loopback_hub import COMMIT, serve

REPO = "leannmlindsey/GUE"
RESOLVE = f"datasets/{REPO}/resolve"
LOAD = """
import json, sys
from dnaft.data.csv_folder import CsvFolder
from dnaft.data.table import RowRules
from dnaft.errors import InputError

source = CsvFolder(
    "GUE/prom/prom_300_tata", "leannmlindsey/GUE", "prom_300_tata",
    ("refs/convert/parquet@{config}/{split}/0000.parquet", "GUE/{config}/{split}.csv"),
)
try:
    tables = source.load(RowRules("prom_tata", "binary", 1), sys.argv[1])
except InputError as error:
    print(json.dumps({"error": str(error)}))
else:
    print(json.dumps({s: [t.sequences, t.labels.tolist(), t.where] for s, t in tables.items()}))
"""
ROWS = {"train": ["ACGT", "GGCC"], "dev": ["AAAA", "CCCC"], "test": ["TTTT", "GGGG"]}


def parquet(split: str) -> bytes:
    file = io.BytesIO()
    table = pyarrow.table({"sequence": ROWS[split], "label": [0, 1]})
    pyarrow.parquet.write_table(table, file)
    return file.getvalue()


def load(data_dir: Path, home: Path, **environment: str) -> dict[str, list[object] | str]:
    cleared = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(data_dir)],
        env=cleared | {"HF_HOME": str(home)} | environment,
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answer: dict[str, list[object] | str] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture
def hub() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A hub that has the files put into the dictionary, by their paths on it."""
    files: dict[str, bytes] = {}
    with serve(files) as endpoint:
        yield endpoint, files


def test_parquet_from_the_hub_then_from_its_cache(
    tmp_path: Path, hub: tuple[str, dict[str, bytes]]
) -> None:
    endpoint, files = hub
    for split in ROWS:
        files[f"{RESOLVE}/refs%2Fconvert%2Fparquet/prom_300_tata/{split}/0000.parquet"] = parquet(
            split
        )
    found = load(tmp_path, tmp_path / "home", HF_ENDPOINT=endpoint)
    assert {split: value[0] for split, value in found.items()} == ROWS
    assert found["dev"][1] == [0, 1]
    again = load(tmp_path, tmp_path / "home", HF_HUB_OFFLINE="1")
    assert again == found


def test_csv_from_the_hub_if_there_is_no_parquet(
    tmp_path: Path, hub: tuple[str, dict[str, bytes]]
) -> None:
    endpoint, files = hub
    for split, (first, second) in ROWS.items():
        text = f"sequence,label\n{first},0\n{second},1\n"
        files[f"{RESOLVE}/main/GUE/prom_300_tata/{split}.csv"] = text.encode()
    found = load(tmp_path, tmp_path / "home", HF_ENDPOINT=endpoint)
    assert {split: value[0] for split, value in found.items()} == ROWS


def test_offline_cache_made_by_hand(tmp_path: Path) -> None:
    repo = tmp_path / "home" / "hub" / "datasets--leannmlindsey--GUE"
    (repo / "refs" / "refs" / "convert").mkdir(parents=True)
    (repo / "refs" / "refs" / "convert" / "parquet").write_text(COMMIT)
    for split in ROWS:
        path = repo / "snapshots" / COMMIT / "prom_300_tata" / split / "0000.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(parquet(split))
    found = load(tmp_path, tmp_path / "home", HF_HUB_OFFLINE="1")
    assert {split: value[0] for split, value in found.items()} == ROWS


def test_the_folder_comes_before_the_hub(tmp_path: Path) -> None:
    for folder in (tmp_path / "GUE" / "prom" / "prom_300_tata", tmp_path / "x" / "prom"):
        folder.mkdir(parents=True)
    for split in ROWS:
        (tmp_path / "GUE/prom/prom_300_tata" / f"{split}.csv").write_text(
            "sequence,label\nACGT,0\nGGCC,1\n"
        )
    unreachable = "http://127.0.0.1:9"
    outer = load(tmp_path, tmp_path / "home", HF_ENDPOINT=unreachable)
    inner = load(tmp_path / "GUE", tmp_path / "home", HF_ENDPOINT=unreachable)
    assert outer["train"] == inner["train"]


def test_a_missing_split_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "GUE" / "prom" / "prom_300_tata"
    folder.mkdir(parents=True)
    for split in ("dev", "test"):
        (folder / f"{split}.csv").write_text("sequence,label\nACGT,0\nGGCC,1\n")
    message = load(tmp_path, tmp_path / "home", HF_HUB_OFFLINE="1")["error"]
    assert f"{folder} has dev.csv and test.csv but not train.csv" in message
    assert "No other file is used in its place" in message


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "no answer from http://127.0.0.1:9"),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids"),
    ],
)
def test_no_data_anywhere(tmp_path: Path, environment: dict[str, str], reason: str) -> None:
    begin = time.monotonic()
    message = load(tmp_path, tmp_path / "home", **environment)["error"]
    assert time.monotonic() - begin < 20  # the hub's own retries would take half a minute
    assert "task prom_tata: no data. Looked in" in message
    assert str(tmp_path / "GUE" / "prom" / "prom_300_tata") in message
    assert str(tmp_path / "prom" / "prom_300_tata") in message
    assert reason in message
    assert "Ways to get the data: put train.csv, dev.csv, test.csv" in message


def test_a_hub_that_never_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begin = time.monotonic()
        message = load(tmp_path, tmp_path / "home", HF_ENDPOINT=endpoint)["error"]
    assert time.monotonic() - begin < 25
    assert f"no answer from {endpoint}" in message


def test_the_hub_lacks_the_data_set(tmp_path: Path, hub: tuple[str, dict[str, bytes]]) -> None:
    message = load(tmp_path, tmp_path / "home", HF_ENDPOINT=hub[0])["error"]
    assert f"data set {REPO} has no prom_300_tata/train/0000.parquet or GUE/prom_300" in message

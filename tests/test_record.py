"""result.json: complete or absent, readable without torch, clear when it is neither."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dnaft import record as record_module
from dnaft.errors import InputError
from dnaft.record import RunRecord, read, table


def make_record(**changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "task": "prom_tata",
        "model": "tiny",
        "method": "lora",
        "seed": 1,
        "config": {"method": {"rank": 8, "folder": Path("a") / "b"}, "betas": (0.9, 0.99)},
        "code_version": "0.1.0",
        "data": {"rows": {"train": 4904}},
        "parameters": {"trainable": 1234567, "total": 5000000, "fraction": 0.25},
        "scores": {"dev": {"mcc": 0.5, "auroc": 0.75}, "test": {"mcc": 0.25, "auroc": math.nan}},
        "chosen": {"step": 300, "metric": "mcc", "value": 0.5},
        "timing": {"seconds": 1234.56, "samples_per_second": 31.0},
        "memory": {"process_bytes": 7, "cuda_bytes": None},
    }
    return RunRecord(**(values | changes))


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "result.json"
    make_record().write(path)
    found = read(path)
    assert math.isnan(found.scores["test"]["auroc"])
    expected = make_record(
        scores=found.scores, config={"method": {"rank": 8, "folder": "a/b"}, "betas": [0.9, 0.99]}
    )
    assert found == expected
    assert [item.name for item in path.parent.iterdir()] == ["result.json"]


def test_json_is_strict_and_in_the_order_of_the_fields(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    make_record(ranks={"q": np.int64(3), "v": torch.tensor(2)}).write(path)
    text = path.read_text()
    assert "NaN" not in text
    content = json.loads(text)
    assert list(content) == [item.name for item in dataclasses.fields(RunRecord)]
    assert content["schema_version"] == 1
    assert content["scores"]["test"] == {"mcc": 0.25, "auroc": None}
    assert content["ranks"] == {"q": 3, "v": 2}


def test_infinity_becomes_null(tmp_path: Path) -> None:
    make_record(timing={"seconds": 1.0, "rate": math.inf}).write(tmp_path / "r.json")
    assert read(tmp_path / "r.json").timing == {"seconds": 1.0, "rate": None}


def test_the_same_record_is_the_same_file(tmp_path: Path) -> None:
    make_record().write(tmp_path / "a.json")
    make_record().write(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    make_record().write(path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"config\.a\[1\] has type set, which JSON cannot hold"):
        make_record(config={"a": [1, {2}]}).write(path)
    path.with_name("folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        make_record().write(path.with_name("folder"))
    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["folder", "result.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a readable record"),
        ("[]", "no schema_version"),
        ("{}", "no schema_version"),
        ('{"schema_version": 99, "code_version": "9.9"}', r"99, this dnaft reads 1; .*\(9\.9\)"),
        ('{"schema_version": 1}', "it lacks chosen, lacks code_version"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("seed", "one", "seed has the wrong type str"),
        ("scores", {"dev": {}}, "scores lacks test"),
        ("scores", {"dev": {}, "test": 3}, r"scores\.test has the wrong type int"),
        ("parameters", {"total": 1}, "parameters lacks trainable, fraction"),
        ("timing", [], "timing has the wrong type list"),
        ("extra", 1, "it has the unknown key extra"),
    ],
)
def test_wrong_content(tmp_path: Path, key: str, value: object, message: str) -> None:
    path = tmp_path / "result.json"
    make_record().write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(InputError, match=message):
        read(path)


def test_records_from_before_a_field_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    make_record().write(path)
    content = json.loads(path.read_text())
    del content["training"]
    path.write_text(json.dumps(content))
    assert read(path).training == {}


def test_missing_and_binary_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a readable record"):
        read(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a readable record"):
        read(tmp_path / "binary.json")


def test_table() -> None:
    none = make_record(method="full", scores={"dev": {}, "test": {"mcc": None}}, seed=12)
    baseline = make_record(parameters={"trainable": 4097, "total": 4097, "fraction": 1.0})
    assert table([make_record(), none, baseline]).splitlines() == [
        "| task      | model | method | seed | metric |    dev |   test | params | seconds |",
        "| --------- | ----- | ------ | ---: | ------ | -----: | -----: | -----: | ------: |",
        "| prom_tata | tiny  | lora   |    1 | mcc    | 0.5000 | 0.2500 |   1.2M | 1,234.6 |",
        "| prom_tata | tiny  | full   |   12 | mcc    |      - |      - |   1.2M | 1,234.6 |",
        "| prom_tata | tiny  | lora   |    1 | mcc    | 0.5000 | 0.2500 |  4,097 | 1,234.6 |",
    ]


def test_table_fits_a_hundred_columns() -> None:
    long = make_record(
        task="prom_300_notata",
        model="nt_500m",
        method="baseline_onehot",
        chosen={"step": None, "metric": "auroc", "value": 0.75},
        scores={"dev": {"auroc": 0.75}, "test": {"auroc": 0.5}},
        parameters={"trainable": 498_000_000, "total": 498_000_000, "fraction": 1.0},
    )
    assert max(len(line) for line in table([long]).splitlines()) <= 100
    assert len(table([]).splitlines()) == 2


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    make_record().write(tmp_path / "result.json")
    program = (
        "import sys; from dnaft.record import read; read(sys.argv[1]);"
        "sys.exit(len({'torch', 'numpy'} & sys.modules.keys()))"
    )
    root = Path(record_module.__file__).parents[1]
    command = [sys.executable, "-c", program, str(tmp_path / "result.json")]
    assert subprocess.run(command, cwd=root, check=False).returncode == 0

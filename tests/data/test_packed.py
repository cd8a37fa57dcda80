import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from dnaft.data.packed import PackedWindows, pack_windows, read_packed, write_packed
from dnaft.data.packed_source import PackedSource
from dnaft.data.table import RowRules
from dnaft.errors import InputError


def make(sequences: list[str], length_bp: int = 5) -> PackedWindows:
    n = len(sequences)
    return PackedWindows(
        packed=pack_windows(sequences, length_bp),
        labels=np.arange(n, dtype=np.uint8) % 2,
        split=np.arange(n, dtype=np.uint8) % 3,
        chromosome=np.full(n, 16, np.uint8),
        start=np.arange(n, dtype=np.int32) + 1_000_000,
        strand=np.where(np.arange(n) % 2, 1, -1).astype(np.int8),
        length_bp=length_bp,
        metadata={"task": "toy", "genome": "none", "a": "1", "z": "2", "m": "3"},
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "toy.safetensors"


def test_reading_gives_back_what_was_written(path: Path) -> None:
    windows = make(["ACGTA", "TTTTT", "GCGCG"])
    write_packed(windows, path)
    again = read_packed(str(path))
    assert again.sequences() == ["ACGTA", "TTTTT", "GCGCG"]
    assert again.labels.tolist() == [0, 1, 0]
    assert again.split.tolist() == [0, 1, 2]
    assert again.chromosome.tolist() == [16] * 3
    assert again.start.tolist() == [1_000_000, 1_000_001, 1_000_002]
    assert again.strand.tolist() == [-1, 1, -1]
    assert (again.length_bp, again.metadata) == (5, windows.metadata)
    assert again.sha256() == windows.sha256()


@given(length=st.integers(1, 9), rows=st.integers(0, 5), data=st.data())
def test_sequences_of_any_length_survive(length: int, rows: int, data: st.DataObject) -> None:
    row = st.text("ACGT", min_size=length, max_size=length)
    sequences = data.draw(st.lists(row, min_size=rows, max_size=rows))
    assert make(sequences, length).sequences() == sequences


def test_the_file_is_plain_safetensors_with_sorted_metadata(path: Path) -> None:
    write_packed(make(["ACGTA", "TTTTT"]), path)
    columns = load_file(path)  # the library's own reader
    assert columns["start"].tolist() == [1_000_000, 1_000_001]
    assert columns["packed"].shape == (2, 2)
    header = path.read_bytes()
    keys = [b'"a":', b'"format":', b'"genome":', b'"length_bp":', b'"m":', b'"task":', b'"z":']
    places = [header.index(key) for key in keys]
    assert places == sorted(places)


def test_equal_windows_give_equal_bytes(path: Path) -> None:
    windows = make(["ACGTA", "TTTTT"])
    write_packed(windows, path)
    first = path.read_bytes()
    write_packed(replace(windows, metadata=dict(reversed(windows.metadata.items()))), path)
    assert path.read_bytes() == first


def test_checksum_sees_every_column_but_no_metadata() -> None:
    windows = make(["ACGTA", "TTTTT"])
    assert replace(windows, metadata={}).sha256() == windows.sha256()
    others = {
        replace(windows, packed=pack_windows(["ACGTC", "TTTTT"], 5)).sha256(),
        *(
            replace(windows, **{name: getattr(windows, name)[::-1].copy()}).sha256()
            for name in ("labels", "split", "start", "strand")
        ),
        replace(windows, chromosome=np.array([1, 2], np.uint8)).sha256(),
    }
    assert len(others) == 6
    assert windows.sha256() not in others


def make_multilabel(names: tuple[str, ...], labels: np.ndarray) -> PackedWindows:
    windows = make(["ACGTA"] * len(labels))
    return replace(windows, labels=labels, label_names=names)


@given(names=st.integers(1, 17), rows=st.integers(0, 4), data=st.data())
def test_several_labels_a_row_survive(
    tmp_path_factory: pytest.TempPathFactory, names: int, rows: int, data: st.DataObject
) -> None:
    bits = data.draw(st.lists(st.integers(0, 1), min_size=rows * names, max_size=rows * names))
    labels = np.array(bits, np.uint8).reshape(rows, names)
    windows = make_multilabel(tuple(f"label {i}, ±" for i in range(names)), labels)
    path = tmp_path_factory.mktemp("packed") / "toy.safetensors"
    write_packed(windows, path)
    again = read_packed(path)
    np.testing.assert_array_equal(again.labels, labels)
    assert again.label_names == windows.label_names
    assert again.metadata == windows.metadata
    assert again.sha256() == windows.sha256()


def test_several_labels_take_a_bit_each(path: Path) -> None:
    labels = np.array([[1, 0, 0, 0, 0, 0, 0, 1, 1], [0, 1, 0, 0, 0, 0, 0, 0, 0]], np.uint8)
    write_packed(make_multilabel(tuple("abcdefghi"), labels), path)
    assert load_file(path)["labels"].tolist() == [[0b10000001, 0b10000000], [0b01000000, 0]]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (tuple("abc"), r"labels must be uint8 with 1 bytes a row for 3 names, got uint8 \(2,\)"),
        ("{", "the file is damaged, rebuild it"),
        ("3", "the file is damaged, rebuild it"),
    ],
)
def test_damaged_label_names_are_refused(
    path: Path, names: tuple[str, ...] | str, message: str
) -> None:
    write_packed(make(["ACGTA", "TTTTT"]), path)
    text = names if isinstance(names, str) else json.dumps(names)
    metadata = {"format": "dnaft-windows-1", "length_bp": "5", "label_names": text}
    save_file(load_file(path), path, metadata=metadata)
    with pytest.raises(InputError, match=message):
        read_packed(path)


def test_labels_with_names_are_yes_or_no() -> None:
    with pytest.raises(ValueError, match="labels with names must be 0 or 1, got 2"):
        make_multilabel(("a", "b"), np.array([[0, 2]], np.uint8))


def test_a_source_gives_the_labels_of_each_split(path: Path) -> None:
    labels = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.uint8)
    write_packed(make_multilabel(("a", "b"), labels), path)
    source = PackedSource(str(path), label_names=("a", "b"))
    tables = source.load(RowRules("toy", "multilabel", 2), "")
    assert tables["train"].labels.tolist() == [[0, 1], [0, 0]]
    assert tables["test"].labels.tolist() == [[1, 0]]
    with pytest.raises(InputError, match=r"the labels are a, b, task\.\w+\.label_names says b, a"):
        PackedSource(str(path), label_names=("b", "a")).load(RowRules("toy", "multilabel", 2), "")
    with pytest.raises(InputError, match="label_names says classes without names"):
        PackedSource(str(path)).load(RowRules("toy", "binary", 1), "")


def test_reading_needs_no_torch() -> None:
    code = "import sys, dnaft.data.packed; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(InputError, match=r"toy.safetensors: no such file"):
        read_packed(path)


@pytest.mark.parametrize("content", [b"", b"sequence,label\nACGT,1\n", b"\xff" * 64])
def test_another_kind_of_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"toy.safetensors: not a safetensors file"):
        read_packed(path)


def test_a_cut_file_is_refused(path: Path) -> None:
    write_packed(make(["ACGTA", "TTTTT"]), path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match="not a safetensors file"):
        read_packed(path)


def test_safetensors_of_another_format_are_refused(path: Path) -> None:
    save_file({"weight": np.zeros(3, np.float32)}, path)
    with pytest.raises(InputError, match="format None instead of 'dnaft-windows-1'"):
        read_packed(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": None}, r"columns \['chromosome', .*rebuild it"),
        ({"split": np.array([0, 3], np.uint8)}, "split must be 0, 1 or 2, got 3"),
        ({"strand": np.array([0, 1], np.int8)}, r"strand must be \+1 or -1"),
        ({"labels": np.zeros(3, np.uint8)}, r"labels must be uint8 of shape \(2,\)"),
        ({"start": np.zeros(2, np.int64)}, "start must be int32 .* got int64"),
        ({"packed": np.zeros((2, 3), np.uint8)}, r"packed must be uint8 of shape \(2, 2\)"),
    ],
)
def test_damaged_columns_are_named(
    path: Path, change: dict[str, np.ndarray | None], message: str
) -> None:
    write_packed(make(["ACGTA", "TTTTT"]), path)
    columns = {k: v for k, v in (load_file(path) | change).items() if v is not None}
    save_file(columns, path, metadata={"format": "dnaft-windows-1", "length_bp": "5"})
    with pytest.raises(InputError, match=message):
        read_packed(path)


def test_windows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="window 1 has 3 bases instead of 5"):
        pack_windows(["ACGTA", "ACG"], 5)

"""From files as published to a store, killed and started again, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepsea_files import (
    LABELS,
    Rows,
    one_hot,
    random_rows,
    write_mat5,
    write_mat73,
    write_published,
)
from dnaft.data.store import open_store
from dnaft.data_tools import prepare
from dnaft.data_tools.store_writer import StoreWriter
from dnaft.errors import InputError


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows]:
    """Where h5py is missing train.mat is of the format of the others."""
    folder = tmp_path_factory.mktemp("published")
    return folder, write_published(folder, hdf5=find_spec("h5py") is not None)


def run(src: Path, out: Path, *more: str) -> None:
    prepare.main(["deepsea", f"src={src}", f"out={out}", *more])


@pytest.fixture(scope="module")
def store(published: tuple[Path, Rows], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stores") / "deepsea"
    run(published[0], out)
    return out


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_base_and_label_survives(store: Path, published: tuple[Path, Rows]) -> None:
    opened = open_store(store)
    assert list(opened.splits) == ["train", "dev", "test"]
    for name, (sequences, labels) in published[1].items():
        split = opened.splits[name]
        rows = np.arange(len(sequences))
        letters = split.read_bases(rows)
        assert [line.tobytes().decode() for line in letters] == sequences
        np.testing.assert_array_equal(split.read_labels(rows), labels)
        some = np.array([3, 0, 3, len(sequences) - 1])
        assert [r.tobytes().decode() for r in split.read_bases(some)] == [
            sequences[i] for i in some
        ]


def test_two_bits_a_base_and_one_a_label(store: Path) -> None:
    assert (store / "train.bases").stat().st_size == 20 * 250
    assert (store / "train.labels").stat().st_size == 20 * 115
    # Only the two rows with unknown bases have a mask.
    assert np.fromfile(store / "train.unknown_rows", "<i8").tolist() == [0, 10]
    assert (store / "train.unknown_masks").stat().st_size == 2 * 125
    assert (store / "dev.unknown_masks").stat().st_size == 0


def test_the_manifest_counts(store: Path, published: tuple[Path, Rows]) -> None:
    manifest = json.loads((store / "manifest.json").read_text())
    for name, (sequences, labels) in published[1].items():
        facts = manifest["splits"][name]
        text = "".join(sequences)
        assert facts["positives"] == labels.sum(axis=0).tolist()
        assert facts["gc_bases"] == text.count("G") + text.count("C")
        assert facts["unknown_bases"] == text.count("N")
        assert facts["strand_pairs"] == len(sequences) // 2
    assert manifest["splits"]["train"]["source"]["file"] == "train.mat"


def test_other_writers_of_the_same_rows_give_the_same_store(
    store: Path, published: tuple[Path, Rows], tmp_path: Path
) -> None:
    """Doubles, no compression, chunks along other axes, and SciPy's plain format for train."""
    train, dev, test = (published[1][split] for split in ("train", "dev", "test"))
    write_mat5(
        tmp_path / "train.mat",
        {"trainxdata": one_hot(train[0]).astype(float), "traindata": train[1].astype(float)},
        compressed=False,
    )
    write_mat73(
        tmp_path / "valid.mat",
        {"validxdata": one_hot(dev[0]), "validdata": dev[1]},
        chunks=None,
        compression=None,
    )
    hot = {"testxdata": one_hot(test[0]).astype(float), "testdata": test[1].astype(bool)}
    write_mat73(tmp_path / "test.mat", hot, chunks=True)
    out = tmp_path / "store"
    run(tmp_path, out)
    expected, found = content(store), content(out)
    del expected["manifest.json"], found["manifest.json"]  # it has the checksums of the sources
    assert found == expected


def test_small_blocks_give_the_same_bytes(
    store: Path, published: tuple[Path, Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnaft.data_tools.mat73._ROWS", 3)
    monkeypatch.setattr("dnaft.data_tools.mat73._MOST_ROWS", 3)
    monkeypatch.setattr("dnaft.data_tools.mat5._ROWS", 5)
    monkeypatch.setattr("dnaft.data_tools.mat_files.SLAB_BYTES", 3000)
    run(published[0], tmp_path / "deepsea")
    assert content(tmp_path / "deepsea") == content(store)


class Stopped(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("where", ["append", "_write", "_note", "finish"])
def test_stopped_anywhere_it_goes_on_to_the_same_bytes(
    where: str,
    store: Path,
    published: tuple[Path, Rows],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The n-th call of each step of writing does not return, for every n until it ends."""
    monkeypatch.setattr("dnaft.data_tools.mat73._ROWS", 7)
    monkeypatch.setattr("dnaft.data_tools.mat5._ROWS", 5)
    step = getattr(StoreWriter, where)
    left = 0

    def stopping(self: StoreWriter, *arguments: Any) -> Any:
        nonlocal left
        if left == 0:
            raise Stopped
        left -= 1
        return step(self, *arguments)

    monkeypatch.setattr(StoreWriter, where, stopping)
    out = tmp_path / "deepsea"
    starts = 0
    while not out.exists():
        left, starts = 1, starts + 1  # one more call each time, or two where one brings nothing
        if where in ("_write", "finish"):
            left = 4 if starts > 1 or where == "_write" else 0
        try:
            run(published[0], out)
        except Stopped:
            assert not out.exists()
    assert starts > 1
    assert content(out) == content(store)
    assert not out.with_name("deepsea.part").exists()


def test_killed_it_goes_on_to_the_same_bytes(
    store: Path, published: tuple[Path, Rows], tmp_path: Path
) -> None:
    """A real process, killed by the system in the middle of train."""
    out = tmp_path / "deepsea"
    program = (
        "import sys, time\n"
        "from dnaft.data_tools import mat5, mat73, prepare, store_writer\n"
        "mat5._ROWS = mat73._ROWS = 7\n"
        "note = store_writer.StoreWriter._note\n"
        "def slow(self):\n"
        "    note(self)\n"
        "    time.sleep(60)\n"
        "store_writer.StoreWriter._note = slow\n"
        "prepare.main(sys.argv[1:])\n"
    )
    arguments = ["deepsea", f"src={published[0]}", f"out={out}"]
    process = subprocess.Popen([sys.executable, "-c", program, *arguments])
    progress = out.with_name("deepsea.part") / "progress.json"
    deadline = time.monotonic() + 60
    while not progress.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert json.loads(progress.read_text())["train"]["rows"] == 7
    with (progress.parent / "store" / "train.bases").open("ab") as file:
        file.write(b"half a block")
    run(published[0], out)
    assert content(out) == content(store)


def test_damage_in_what_is_written_is_noticed(
    store: Path,
    published: tuple[Path, Rows],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "finish", lambda *_: (_ for _ in ()).throw(Stopped))
        with pytest.raises(Stopped):
            run(published[0], tmp_path / "deepsea")
    file = tmp_path / "deepsea.part" / "store" / "train.labels"
    file.write_bytes(bytes(1) + file.read_bytes()[1:])
    run(published[0], tmp_path / "deepsea")
    assert content(tmp_path / "deepsea") == content(store)


def test_a_changed_source_is_read_anew(
    published: tuple[Path, Rows], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src = tmp_path / "src"
    src.mkdir()
    write_published(src, windows=3, hdf5=False)
    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "finish", lambda *_: (_ for _ in ()).throw(Stopped))
        with pytest.raises(Stopped):
            run(src, tmp_path / "deepsea")
    sequences, labels = random_rows(3, 9)
    write_mat5(src / "train.mat", {"trainxdata": one_hot(sequences), "traindata": labels})
    os.utime(src / "train.mat", ns=(1, 1))
    run(src, tmp_path / "deepsea")
    train = open_store(tmp_path / "deepsea").splits["train"]
    np.testing.assert_array_equal(train.read_labels(np.arange(6)), labels)


def test_a_second_start_looks_through_what_is_there(
    store: Path, published: tuple[Path, Rows], capsys: pytest.CaptureFixture[str]
) -> None:
    run(published[0], store)
    assert "is complete, all checksums are right" in capsys.readouterr().out
    file = store / "dev.bases"
    whole = file.read_bytes()
    file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    try:
        with pytest.raises(InputError, match=r"dev\.bases: its checksum is not that of the man"):
            run(published[0], store)
    finally:
        file.write_bytes(whole)


def test_names_of_labels(published: tuple[Path, Rows], tmp_path: Path) -> None:
    names = [f"cell {i}|H3K4me3|None" for i in range(LABELS)]
    (tmp_path / "names").write_text("\n".join(names) + "\n\n")
    run(published[0], tmp_path / "deepsea", f"names={tmp_path / 'names'}")
    assert open_store(tmp_path / "deepsea").label_names == tuple(names)
    (tmp_path / "names").write_text("\n".join(names[1:]))
    with pytest.raises(InputError, match=r"has 918 names in 918 lines; it needs 919"):
        run(published[0], tmp_path / "other", f"names={tmp_path / 'names'}")


def test_one_writer_at_a_time(published: tuple[Path, Rows], tmp_path: Path) -> None:
    from dnaft.data_tools.store_writer import writing

    with (
        writing(tmp_path / "deepsea", (1000, 919)),
        pytest.raises(InputError, match="out: another process writes"),
    ):
        run(published[0], tmp_path / "deepsea")


def test_without_h5py_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src = broken(tmp_path, lambda _: None)
    (src / "train.mat").write_bytes(b"MATLAB 7.3".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(99))
    monkeypatch.setattr("dnaft.data_tools.mat73.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"needs h5py; install it with: pip install 'dnaft\[deeps"):
        run(src, tmp_path / "deepsea")


Change = dict[str, np.ndarray]


def broken(tmp_path: Path, change: Any, write: Any = write_mat5) -> Path:
    """Write sound files but for valid.mat, whose variables `change` alters."""
    for name in ("train", "test"):
        sequences, labels = random_rows(1, 4)
        hot = {f"{name}xdata": one_hot(sequences), f"{name}data": labels}
        write_mat5(tmp_path / f"{name}.mat", hot)
    sequences, labels = random_rows(4, 5)
    variables: Change = {"validxdata": one_hot(sequences), "validdata": labels}
    change(variables)
    write(tmp_path / "valid.mat", variables)
    return tmp_path


def put(name: str, place: tuple[int, ...], value: int) -> Any:
    def change(variables: Change) -> None:
        variables[name][place] = value

    return change


def let(name: str, how: Any) -> Any:
    def change(variables: Change) -> None:
        variables[name] = how(variables[name])

    return change


@pytest.mark.parametrize("write", [write_mat5, write_mat73])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("validxdata", (2, slice(None), 7), 1), "row 3: 4 bases at position 8; the file"),
        (put("validxdata", (2, 1, 7), 2), "validxdata, row 3: 2 where 0 or 1 should be"),
        (put("validdata", (1, 918), 9), "validdata, row 2: 9 where 0 or 1 should be"),
        (let("validdata", lambda a: a[:3]), r"validdata is 3 x 919, .* should be 8 x 919"),
        (let("validdata", lambda a: a[:, :104]), r"validdata is 8 x 104, .* should be 8 x 919"),
        (let("validxdata", lambda a: a[..., :900]), r"is 8 x 4 x 900, .* rows x 4 x 1000"),
        (
            let("validxdata", lambda a: a.transpose(2, 1, 0)),
            r"valid\.mat: validxdata is 1000 x 4 x 8, in MATLAB's order",
        ),
        (lambda v: v.pop("validdata"), r"no variable validdata, there is validxdata; give"),
    ],
)
def test_files_that_are_not_the_published_ones(
    change: Any, message: str, write: Any, tmp_path: Path
) -> None:
    src = broken(tmp_path, change, write)
    with pytest.raises(InputError, match=message):
        run(src, tmp_path / "deepsea")
    assert not (tmp_path / "deepsea").exists()


@pytest.mark.parametrize("write", [write_mat5, write_mat73])
@pytest.mark.parametrize("part", [0.03, 0.5, 0.99])
def test_files_that_are_cut_off(part: float, write: Any, tmp_path: Path) -> None:
    src = broken(tmp_path, lambda _: None, write)
    file = src / "valid.mat"
    os.truncate(file, int(file.stat().st_size * part))
    with pytest.raises(InputError, match=r"valid\.mat: (damaged or cut off|not a MATLAB file)"):
        run(src, tmp_path / "deepsea")


def test_a_byte_flipped_in_compressed_values_is_noticed(tmp_path: Path) -> None:
    src = broken(tmp_path, lambda _: None)
    whole = bytearray((src / "valid.mat").read_bytes())
    whole[len(whole) // 2] ^= 4
    (src / "valid.mat").write_bytes(whole)
    with pytest.raises(InputError, match=r"valid\.mat.*(damaged|not the published one)"):
        run(src, tmp_path / "deepsea")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not a MATLAB file"), (b"x" * 500, "not a MATLAB file"), (None, "has no test.mat")],
)
def test_no_matlab_files(content: bytes | None, message: str, tmp_path: Path) -> None:
    src = broken(tmp_path, lambda _: None)
    (src / "test.mat").unlink()
    if content is not None:
        (src / "test.mat").write_bytes(content)
    with pytest.raises(InputError, match=message):
        run(src, tmp_path / "deepsea")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ([], "name a collection: deepsea"),
        (["deepsee"], "did you mean deepsea"),
        (["deepsea"], "src: has no value"),
        (["deepsea", "src=a", "source=b"], "source: there is no such key"),
        (["deepsea", "src=/nowhere"], r"src: /nowhere has no train\.mat"),
    ],
)
def test_wrong_arguments(typed: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        prepare.main(typed)


def test_nothing_is_overwritten(published: tuple[Path, Rows], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="exists and is no store, and nothing is overwritten"):
        run(published[0], tmp_path / "mine")

"""The cache with real processes: at once, killed, and with damaged entries."""

import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import numpy as np
import pytest

from dnaft.data.cache import Arrays, cached_arrays, content_key
from dnaft.errors import InputError

SPAWN = multiprocessing.get_context("spawn")
KEY = "0123abcd"
WANTED = np.arange(100_000, dtype=np.uint16)


def arrays() -> Arrays:
    return {"ids": WANTED, "offsets": np.array([0, 100_000])}


def must_not_make() -> Arrays:
    raise AssertionError("made again")


def noting_who_makes(folder: Path) -> Arrays:
    (folder / f"made-by-{os.getpid()}").touch()
    time.sleep(0.3)  # the others arrive while the first still writes
    return arrays()


def reader(cache_dir: Path, notes: Path, start: Barrier) -> None:
    start.wait()
    found = cached_arrays(cache_dir, KEY, lambda: noting_who_makes(notes))
    assert np.array_equal(found["ids"], WANTED)


def test_several_processes_at_once_make_one_entry(tmp_path: Path) -> None:
    cache, notes = tmp_path / "cache", tmp_path / "notes"
    notes.mkdir()
    start = SPAWN.Barrier(4)
    processes = [SPAWN.Process(target=reader, args=(cache, notes, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(list(notes.iterdir())) == 1
    assert [path.name for path in cache.iterdir() if path.is_dir()] == [KEY]


def hanging_writer(cache_dir: Path, half_way: Event) -> None:
    def make() -> Arrays:
        (next(cache_dir.glob("*.lock")).parent / f"{KEY}.tmp-left").mkdir()
        half_way.set()
        time.sleep(60)
        return arrays()

    cached_arrays(cache_dir, KEY, make)


def test_a_killed_writer_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    half_way = SPAWN.Event()
    process = SPAWN.Process(target=hanging_writer, args=(tmp_path, half_way))
    process.start()
    assert half_way.wait(60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    found = cached_arrays(tmp_path, KEY, arrays)
    assert np.array_equal(found["ids"], WANTED)
    assert not list(tmp_path.glob("*.tmp-*"))


def test_an_entry_is_made_once_and_mapped_read_only(tmp_path: Path) -> None:
    cached_arrays(tmp_path, KEY, arrays)
    found = cached_arrays(tmp_path, KEY, must_not_make)
    assert isinstance(found["ids"], np.memmap)
    assert found["ids"].dtype == np.uint16
    with pytest.raises(ValueError, match="read-only"):
        found["ids"][0] = 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "ids.npy").unlink(),
        lambda entry: (entry / "manifest.json").unlink(),
        lambda entry: (entry / "manifest.json").write_text("{"),
        lambda entry: (entry / "manifest.json").write_text("[1]"),
        lambda entry: os.truncate(entry / "ids.npy", 5000),
        lambda entry: flip_a_byte(entry / "ids.npy"),
    ],
    ids=["no file", "no manifest", "half a manifest", "odd manifest", "cut off", "byte flipped"],
)
def test_a_damaged_entry_is_made_anew(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    cached_arrays(tmp_path, KEY, arrays)
    damage(tmp_path / KEY)
    assert np.array_equal(cached_arrays(tmp_path, KEY, arrays)["ids"], WANTED)
    assert np.array_equal(cached_arrays(tmp_path, KEY, must_not_make)["ids"], WANTED)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content)


def test_a_failed_writer_leaves_no_files(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="made again"):
        cached_arrays(tmp_path, KEY, must_not_make)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cache_dir: cannot write .*file.*DNAFT_CACHE_DIR"):
        cached_arrays(tmp_path / "file", KEY, arrays)


def test_key_depends_on_all_content() -> None:
    keys = {
        content_key(["AC", "GT"], "tokenizer", 512),
        content_key(["ACGT"], "tokenizer", 512),
        content_key(["GT", "AC"], "tokenizer", 512),
        content_key(["AC", "GT"], "other", 512),
        content_key(["AC", "GT"], "tokenizer", 511),
        content_key(["AC", "GT"], "tokenizer", None),
    }
    assert len(keys) == 6
    assert content_key(["AC", "GT"], "tokenizer", 512) in keys

"""Room for large entries: old ones go, those in use stay."""

import os
import time
from pathlib import Path

from dnaft.data.cache_room import GIB, make_room, touch_entry

DAY = 24 * 3600


def entry(base: Path, name: str, size: int, days: float) -> Path:
    folder = base / name
    folder.mkdir(parents=True)
    (folder / "states.npy").write_bytes(b"0" * size)
    os.utime(folder, (time.time() - days * DAY,) * 2)
    return folder


def names(base: Path) -> set[str]:
    return {path.name for path in base.iterdir()}


def test_the_oldest_go_and_no_more_than_need_be(tmp_path: Path) -> None:
    for name, days in (("a", 5), ("b", 9), ("c", 2), ("d", 0.5)):
        entry(tmp_path, name, 100, days)
    assert make_room(tmp_path, 50, 450 / GIB)
    assert names(tmp_path) == {"a", "b", "c", "d"}
    assert make_room(tmp_path, 150, 450 / GIB)
    assert names(tmp_path) == {"a", "c", "d"}
    touch_entry(tmp_path / "a")
    assert make_room(tmp_path, 250, 450 / GIB)
    assert names(tmp_path) == {"a", "d"}


def test_where_it_cannot_fit_nothing_is_removed(tmp_path: Path) -> None:
    entry(tmp_path, "old", 100, 5)
    entry(tmp_path, "in use", 100, 0.5)
    assert not make_room(tmp_path, 101, 200 / GIB)
    assert names(tmp_path) == {"old", "in use"}
    assert make_room(tmp_path, 100, 200 / GIB)
    assert names(tmp_path) == {"in use"}


def test_the_disk_is_a_limit_too(tmp_path: Path) -> None:
    base = tmp_path / "not" / "there"
    assert make_room(base, 100, 100 / GIB)
    assert not make_room(base, 2**60, 2**61 / GIB)
    assert not base.exists()

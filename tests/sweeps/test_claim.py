"""Which folder a run of a sweep gets: whole runs are left alone, dead ones continued or cleared."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dnaft.errors import InputError
from dnaft.run_folder import CHECKPOINTS, LAST_CHECKPOINT, LOCK, RESULT, RunFolders
from dnaft.same_run import is_same_run, note_config
from dnaft.sweeps.claim import IsSame, claimed, find_finished, is_held

CONFIG: dict[str, Any] = {"seed": 1, "output_dir": "out", "data": {"cache_dir": "c", "lr": 0.1}}
OTHER: dict[str, Any] = {"seed": 1, "output_dir": "out", "data": {"cache_dir": "c", "lr": 0.2}}
SAME: IsSame = partial(is_same_run, config=CONFIG)


def dead_run(folder: Path, config: dict[str, Any] | None, *, checkpoint: bool) -> None:
    """Make what a killed process leaves."""
    folder.mkdir()
    (folder / LOCK).touch()
    (folder / "metrics.csv").write_text("of the dead run")
    if config is not None:
        note_config(folder, config)
    if checkpoint:
        (folder / CHECKPOINTS).mkdir()
        (folder / CHECKPOINTS / LAST_CHECKPOINT).touch()


def finish(folder: Path, config: dict[str, Any]) -> None:
    (folder / RESULT).write_text(json.dumps({"config": config}))


@pytest.mark.parametrize(
    ("noted", "checkpoint", "name", "left"),
    [
        (CONFIG, True, "seed1", True),  # continued
        (CONFIG, False, "seed1", False),  # begun anew in its folder
        (None, False, "seed1", False),  # killed before it noted anything
        (None, True, "seed1-2", True),  # whose checkpoint is it?
        (OTHER, True, "seed1-2", True),
        (OTHER, False, "seed1-2", True),
    ],
)
def test_what_becomes_of_a_dead_run(
    tmp_path: Path, noted: dict[str, Any] | None, checkpoint: bool, name: str, left: bool
) -> None:
    dead_run(tmp_path / "seed1", noted, checkpoint=checkpoint)
    with claimed(tmp_path / "seed1", SAME) as folder:
        assert folder == tmp_path / name
        assert (tmp_path / "seed1" / "metrics.csv").exists() == left
    # Nothing was computed in a new folder, so it goes; a checkpoint stays.
    assert (tmp_path / "seed1").exists() == left
    assert not (tmp_path / "seed1-2").exists()


def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "seed1").mkdir()
    (tmp_path / "seed1" / "notes.txt").write_text("mine")
    with claimed(tmp_path / "seed1", SAME) as folder:
        assert folder == tmp_path / "seed1-2"
    assert (tmp_path / "seed1" / "notes.txt").read_text() == "mine"


def test_a_run_that_is_done_or_being_done_is_left_to_the_other(tmp_path: Path) -> None:
    base = tmp_path / "seed1"
    with claimed(base, SAME) as first:
        assert first == base
        with claimed(base, SAME) as second:  # it has not noted its configuration yet
            assert second is None
        note_config(base, CONFIG)
        assert is_held(base, SAME)
        with claimed(base, partial(is_same_run, config=OTHER)) as other:
            assert other == tmp_path / "seed1-2"
        finish(base, CONFIG)
    assert find_finished(base, SAME) == base
    assert find_finished(base, partial(is_same_run, config=OTHER)) is None
    assert not is_held(base, SAME)
    assert not (base / LOCK).exists()
    with claimed(base, SAME) as again:
        assert again is None


def test_a_single_run_that_is_alive_is_waited_for(tmp_path: Path) -> None:
    single = RunFolders()
    base = single.claim(tmp_path / "seed1", resume=False)
    with claimed(base, SAME) as folder:
        assert folder is None
    single.release()
    with claimed(base, SAME) as folder:
        assert folder == base


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="output_dir: cannot write to"),
        claimed(tmp_path / "file" / "seed1", SAME),
    ):
        pass


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"output_dir": "elsewhere", "resume": True, "progress": False, "logger": {"x": 1}}, True),
        ({"data": {"cache_dir": "d", "num_workers": 4, "lr": 0.1}}, True),
        ({"data": {"cache_dir": "c", "lr": 0.2}}, False),
        ({"seed": 2}, False),
        ({"data_dir": "other"}, False),
    ],
)
@pytest.mark.parametrize("by", ["note", "result"])
def test_what_counts_as_the_same(
    tmp_path: Path, change: dict[str, Any], same: bool, by: str
) -> None:
    if by == "note":
        note_config(tmp_path, CONFIG)
    else:
        finish(tmp_path, CONFIG)  # of a version that left no note
    assert is_same_run(tmp_path, CONFIG | change) is same
    assert is_same_run(tmp_path / "nothing", CONFIG) is None

"""A run has a folder of its own: names, numbers, claims of several processes, resuming."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnaft.errors import InputError
from dnaft.run_folder import CHECKPOINTS, LAST_CHECKPOINT, RESULT, RunFolders, run_name


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "seed1"),
        (["task=h3", "model=tiny", "method=lora", "seed=1"], "seed1"),
        (
            ["output_dir=/x", "data_dir=/y", "resume=true", "progress=false", "logger=wandb"],
            "seed1",
        ),
        (["hydra.verbose=true", "trainer.accelerator=cpu", "data.num_workers=4"], "seed1"),
        (["method.rank=4"], "seed1,method.rank=4"),
        (["trainer.max_epochs=2", "method.rank=4"], "seed1,method.rank=4,trainer.max_epochs=2"),
        (["task.drop_leaks=true"], "seed1,task.drop_leaks=true"),
        (["experiment=paper_h3"], "seed1,experiment=paper_h3"),
        (["+callbacks.x=1", "~callbacks.y"], "seed1,callbacks.x=1,~callbacks.y"),
        (["method.inject.target_roles=[q,v]"], "seed1,method.inject.target_roles=_q_v_"),
        (["method.inject.alpha=${method.rank}"], "seed1,method.inject.alpha=_method.rank_"),
        (["task.source.train=../a b/ü.csv"], "seed1,task.source.train=.._a_b_.csv"),
    ],
)
def test_names(overrides: list[str], name: str) -> None:
    assert run_name(1, overrides) == name


def test_long_names_are_cut_and_stay_different() -> None:
    names = {run_name(3, [f"task.source.train=/{'folder/' * 40}{i}.csv"]) for i in range(20)}
    assert len(names) == 20
    assert all(len(name) == 100 and name.startswith("seed3,task.source") for name in names)


@pytest.mark.parametrize("text", ["../../x", "a\\b", "a:b|c", "a\nb", "a'b\"c", "é" * 200])
def test_names_are_safe(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.,=+~-]{1,100}", run_name(1, [f"task.domain={text}"]))


@pytest.fixture
def folders() -> Iterator[RunFolders]:
    made = RunFolders()
    yield made
    made.release()


def finish(folder: Path) -> None:
    (folder / RESULT).write_text("{}")


def checkpoint(folder: Path) -> None:
    (folder / CHECKPOINTS).mkdir()
    (folder / CHECKPOINTS / LAST_CHECKPOINT).write_bytes(b"")


def run_once(base: Path, resume: bool = False, *, result: bool = True) -> Path:
    """Claim a folder, write a result or only a checkpoint, and let go."""
    folders = RunFolders()
    folder = folders.claim(base, resume)
    if result:
        finish(folder)
    elif not (folder / CHECKPOINTS).exists():
        checkpoint(folder)
    folders.release()
    return folder


def test_a_run_keeps_its_folder_until_it_ends(tmp_path: Path, folders: RunFolders) -> None:
    base = tmp_path / "task" / "seed1"
    assert folders.claim(base, resume=False) == base
    assert base.is_dir()
    assert folders.claim(base, resume=False) == base
    finish(base)
    folders.release()
    assert [p.name for p in base.iterdir()] == [RESULT]
    assert folders.claim(base, resume=False) == base.with_name("seed1-2")


def test_numbers_go_on_after_the_highest(tmp_path: Path) -> None:
    base = tmp_path / "seed1"
    names = [run_once(base).name for _ in range(11)]
    assert names == ["seed1", *(f"seed1-{i}" for i in range(2, 12))]
    assert run_once(tmp_path / "seed1,x=2").name == "seed1,x=2"
    assert run_once(base).name == "seed1-12"


def test_nothing_is_reused_or_mixed(tmp_path: Path, folders: RunFolders) -> None:
    base = tmp_path / "seed1"
    base.mkdir()
    (base / "metrics.csv").write_text("of a run that was killed before its first checkpoint")
    assert folders.claim(base, resume=True) == tmp_path / "seed1-2"
    assert list((tmp_path / "seed1-2").glob("*.csv")) == []


def test_a_folder_without_anything_computed_is_removed(tmp_path: Path) -> None:
    folders = RunFolders()
    folder = folders.claim(tmp_path / "seed1", resume=False)
    (folder / "metrics.csv").write_text("")
    folders.release()
    assert not folder.exists()
    assert run_once(tmp_path / "seed1") == folder


def test_resume_continues_the_newest_unfinished_run(tmp_path: Path) -> None:
    base = tmp_path / "seed1"
    run_once(base, result=False)
    assert run_once(base, result=False).name == "seed1-2"
    assert run_once(base).name == "seed1-3"
    assert run_once(base, resume=True).name == "seed1-2"
    assert run_once(base, resume=True).name == "seed1"
    assert run_once(base, resume=True).name == "seed1-4"


def test_a_run_that_is_alive_is_not_resumed_by_another(tmp_path: Path) -> None:
    base = tmp_path / "seed1"
    alive, other = RunFolders(), RunFolders()
    checkpoint(alive.claim(base, resume=False))
    assert other.claim(base, resume=True).name == "seed1-2"
    other.release()
    alive.release()
    assert other.claim(base, resume=True) == base
    other.release()


CLAIM = """
import sys
from pathlib import Path
from dnaft.run_folder import RunFolders

folders = RunFolders()
sys.stdin.readline()
print(folders.claim(Path(sys.argv[1]), sys.argv[2] == "True").name, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("resume", [False, True])
def test_processes_started_together_get_different_folders(tmp_path: Path, resume: bool) -> None:
    base = tmp_path / "seed1"
    if resume:
        run_once(base, result=False)
    command = [sys.executable, "-c", CLAIM, str(base), str(resume)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    names = []
    for process in processes:
        assert process.stdout is not None
        names.append(process.stdout.readline().strip())
    # Killed, not ended: what they held is free at once.
    for process in processes:
        process.kill()
        process.communicate()
    assert sorted(names) == ["seed1", "seed1-2", "seed1-3", "seed1-4"]
    if resume:
        assert run_once(base, resume=True) == base


@pytest.mark.parametrize("below", ["", "runs/h3"])
def test_a_folder_that_cannot_be_made(tmp_path: Path, below: str, folders: RunFolders) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"output_dir: cannot write to .*; choose another folder"):
        folders.claim(tmp_path / "file" / below / "seed1", resume=False)

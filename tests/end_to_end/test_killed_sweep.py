"""A real sweep, killed at random moments and started again, ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from small_runs import SMALL_BERT, result
from sweep_runs import rows

EPOCHS = 8
SWEEP = [
    "-m", *SMALL_BERT, "method=lora,adalora_rs", "seed=1,2", "data.batch_size=8",
    f"trainer.max_epochs={EPOCHS}",
]  # fmt: skip
RUNS = 4


def start(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start the command line as a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dnaft.train", *arguments],
        cwd=folder,
        env=os.environ | {"DNAFT_CACHE_DIR": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_epochs(process: subprocess.Popen[str], runs: Path, epochs: int) -> bool:
    """Return when the process has written so many checkpoints more; whether it still runs then."""
    seen: set[tuple[Path, int]] = set()
    before = None
    while process.poll() is None:
        for file in runs.rglob("last.ckpt"):
            try:
                seen.add((file, file.stat().st_mtime_ns))
            except FileNotFoundError:
                continue
        before = len(seen) if before is None else before
        if len(seen) - before >= epochs:
            return True
        time.sleep(0.01)
    return False


def results(runs: Path) -> dict[Path, int]:
    """Return the results that are there, and when each was written."""
    return {file: file.stat().st_mtime_ns for file in runs.rglob("result.json")}


@pytest.mark.slow
def test_a_sweep_that_is_killed_is_done_once(tmp_path: Path, promoter_files: list[str]) -> None:
    generator = random.Random(4)
    arguments = [*SWEEP, *promoter_files]
    runs = tmp_path / "outputs"
    kept: dict[Path, int] = {}
    for _ in range(3):
        process = start(arguments, tmp_path)
        assert wait_for_epochs(process, runs, generator.randrange(EPOCHS))
        time.sleep(generator.uniform(0, 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        kept |= results(runs)
    out, _ = start(arguments, tmp_path).communicate()
    whole, _ = start([*arguments, "output_dir=whole"], tmp_path).communicate()

    # The last column is how long a run took.
    table, expected = ([line.rsplit("|", 2)[0] for line in rows(text)] for text in (out, whole))
    assert len(expected) == 2 + RUNS, whole
    assert table == expected
    files = sorted(results(runs))
    assert len(files) == RUNS
    for file in files:
        found = result(file.parent)
        straight = result(tmp_path / "whole" / file.parent.relative_to(runs))
        for key in ("scores", "chosen", "ranks"):
            assert found[key] == straight[key], file

    assert results(runs).items() >= kept.items()
    # What a continued run had noted after its last checkpoint is put aside.
    assert list(runs.rglob("metrics.until_interruption*.csv"))
    # A kill hits one run: no other is begun again. The end of a run names its folder, too.
    begun = [log.read_text().count("run folder:") - 1 for log in runs.rglob("output.log")]
    assert len(begun) == RUNS
    assert sum(begun) <= RUNS + 3

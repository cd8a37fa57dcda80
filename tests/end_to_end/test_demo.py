"""`make demo`, the first command of README: the packaged model beats the two baselines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dnaft.record import read

pytestmark = pytest.mark.slow

MAKEFILE = Path(__file__).parents[2] / "Makefile"
COMMAND = re.compile(r"^demo:.*\n\t\$\(BIN\)/python (-m dnaft\.train .+)$", re.MULTILINE)


def test_the_demo_beats_what_takes_a_second(tmp_path: Path) -> None:
    found = COMMAND.search(MAKEFILE.read_text())
    assert found is not None
    subprocess.run(
        [sys.executable, *found[1].split()],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(MAKEFILE.parent)},
        check=True,
        timeout=1800,
    )
    runs = {run.method: run for run in map(read, (tmp_path / "outputs").rglob("result.json"))}
    assert runs.keys() == {"baseline_kmer", "baseline_onehot", "adalora_rs"}
    ours = runs.pop("adalora_rs")
    assert ours.model == "yeast_mini"
    for baseline in runs.values():
        assert ours.scores["test"]["mcc"] > baseline.scores["test"]["mcc"]

"""Both releases of the Nucleotide Transformer's tasks from a hub in the published layout.

The hub's client reads its environment when imported, so it runs in a process of its own.
"""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from dnaft.data.fasta_folder import FastaFolder
from loopback_hub import serve

FIRST = "datasets/InstaDeepAI/nucleotide_transformer_downstream_tasks/resolve/main"
REVISED = "datasets/InstaDeepAI/nucleotide_transformer_downstream_tasks_revised/resolve/main"
LOAD = """
import json, sys
from dnaft.data_tools.tasks import load_task
found = {}
for name in sys.argv[2:]:
    tables = load_task(name).load(sys.argv[1])
    found[name] = {
        s: [len(t), t.sequences[0], int(t.labels[0]), t.unit, int(t.numbers[0])]
        for s, t in tables.items()
    }
print(json.dumps(found))
"""


def dna(number: int) -> str:
    return "".join("ACGT"[number // 4**i % 4] for i in range(10))


def fasta(rows: int, classes: int = 2, start: int = 0) -> bytes:
    lines = [f">seq_{i}|{i % classes}\n{dna(start + i)}\n" for i in range(rows)]
    return "".join(lines).encode()


def parquet(rows: int, task: str, start: int = 0) -> bytes:
    """Write the columns of the published parquet files."""
    file = io.BytesIO()
    columns = {
        "sequence": [dna(start + i) for i in range(rows)],
        "name": [f"chr1:{i}|{i % 2}" for i in range(rows)],
        "label": [i % 2 for i in range(rows)],
        "task": [task] * rows,
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    files = {
        # As many rows as published; sequences of our own.
        f"{FIRST}/H3/train.fna": fasta(13_468),
        f"{FIRST}/H3/test.fna": fasta(1_497, start=20_000),
        f"{FIRST}/enhancers/train.fna": fasta(14_968),
        f"{FIRST}/enhancers/test.fna": fasta(400, start=20_000),
        f"{FIRST}/promoter_no_tata/train.fna": fasta(47_767),
        f"{FIRST}/promoter_no_tata/test.fna": fasta(5_299, start=60_000),
        f"{REVISED}/splice_sites_all/train.fna": fasta(60, classes=3),
        f"{REVISED}/splice_sites_all/test.fna": fasta(6, classes=3, start=60),
        # The revised release without its FASTA files.
        f"{REVISED}/H2AFZ/train.parquet": parquet(40, "H2AFZ"),
        f"{REVISED}/H2AFZ/test.parquet": parquet(10, "H2AFZ", start=40),
    }
    tasks = ["nt_h3", "report_h3", "nt_enhancers", "report_enhancers", "report_promoter"]
    tasks += ["nt_revised_splice_sites_all", "nt_revised_h2afz"]
    folder = tmp_path_factory.mktemp("hub")
    cleared = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    with serve(files) as endpoint:
        done = subprocess.run(
            [sys.executable, "-c", LOAD, str(folder), *tasks],
            env=cleared | {"HF_HOME": str(folder / "home"), "HF_ENDPOINT": endpoint},
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            timeout=200,
            check=True,
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("nt_h3", (11_447, 2_021, 1_497)),
        ("report_h3", (11_447, 1_497, 2_021)),
        ("nt_enhancers", (12_722, 2_246, 400)),
        ("report_enhancers", (12_722, 2_246, 400)),
        ("report_promoter", (40_601, 7_166, 5_299)),
        ("nt_revised_splice_sites_all", (51, 9, 6)),
        ("nt_revised_h2afz", (34, 6, 10)),
    ],
)
def test_sizes(found: dict[str, Any], name: str, sizes: tuple[int, int, int]) -> None:
    assert tuple(found[name][split][0] for split in ("train", "dev", "test")) == sizes


def test_presets_hold_out_the_same_rows(found: dict[str, Any]) -> None:
    usual, turned = found["nt_h3"], found["report_h3"]
    assert turned["train"] == usual["train"]
    assert turned["test"] == usual["dev"]
    assert turned["dev"] == usual["test"]
    assert usual["test"][1:] == [dna(20_000), 0, "line", 1]
    assert found["report_enhancers"] == found["nt_enhancers"]


def test_parquet_in_place_of_fasta(found: dict[str, Any]) -> None:
    assert found["nt_revised_h2afz"]["test"] == [10, dna(40), 0, "row", 1]
    number = found["nt_revised_h2afz"]["train"][4]
    assert found["nt_revised_h2afz"]["train"][1] == dna(number - 1)


def test_the_seed_of_the_split_decides(tmp_path: Path) -> None:
    from dnaft.data.table import RowRules

    folder = tmp_path / "x" / "H3"
    folder.mkdir(parents=True)
    (folder / "train.fna").write_bytes(fasta(100))
    (folder / "test.fna").write_bytes(fasta(10, start=100))
    rules = RowRules("mine", "binary", 1)

    def held_out(seed: int) -> list[int]:
        source = FastaFolder("x/H3", held_out="test", split_seed=seed)
        return source.load(rules, str(tmp_path))["test"].numbers.tolist()

    # NumPy's own draw of 15 of 100 rows; a row is two lines of the file.
    drawn = np.random.Generator(np.random.PCG64(7)).permutation(100)[:15]
    assert held_out(7) == sorted(2 * int(i) + 1 for i in drawn)
    assert held_out(8) != held_out(7)
    with pytest.raises(ValueError, match="held_out must be dev or test, got 'train'"):
        FastaFolder("x/H3", held_out="train")  # type: ignore[arg-type]

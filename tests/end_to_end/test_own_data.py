"""A user's own files through the command lines: inspect, then train."""

import csv
import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from dnaft.data_tools import main as data_main
from dnaft.record import read
from small_runs import SMALL_BERT, Command, result

EPOCH = ["trainer.max_epochs=1", "data.batch_size=16"]


def inspect(monkeypatch: pytest.MonkeyPatch, *typed: str) -> None:
    monkeypatch.setattr(sys, "argv", ["dnaft.data", "inspect", *typed])
    data_main()


@pytest.fixture
def enhancers(shared_dir: Path, tmp_path: Path) -> Path:
    """Some real enhancers and others, of two lengths, gzipped, classes by name."""
    path = shared_dir / "data" / "enhancers_liu" / "enhancers.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = tmp_path / "liu.tsv.gz"
    with gzip.open(chosen, "wt") as file:
        file.write("dna\tkind\n")
        for i, row in enumerate(rows[:60] + rows[-60:]):
            name = "enhancer" if float(row["label"]) else "other"
            file.write(f"{row['sequence'][: 60 + 5 * (i % 3)]}\t{name}\n")
    return chosen


def test_a_task_that_inspect_wrote_is_trained(
    enhancers: Path, train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspect(monkeypatch, f"file={enhancers}", "name=liu", f"out={tmp_path / 'conf'}")
    task = ["--config-dir", str(tmp_path / "conf"), "task=liu"]
    for method in ("baseline_kmer", "lora"):
        small = ["progress=false"] if method == "baseline_kmer" else [*SMALL_BERT, *EPOCH]
        found = result(train(f"method={method}", *small, task=task))
        assert found["task"] == "liu"
        counts = found["data"]["counts"]
        assert {split: c["rows"] for split, c in counts.items()} == {
            "train": 84, "dev": 12, "test": 24,
        }  # fmt: skip
        assert counts["train"]["labels"] == {"0": 42, "1": 42}
        assert (counts["train"]["length_bp_min"], counts["train"]["length_bp_max"]) == (60, 70)
        assert found["config"]["task"]["classes"] == ["enhancer", "other"]
        assert 0 <= found["scores"]["test"]["auroc"] <= 1


def test_what_inspect_left_open_is_asked_for(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = tmp_path / "a.csv"
    path.write_text("x,y1,y2\n" + "ACGTACGTAC,1,2\n" * 3)
    inspect(monkeypatch, f"file={path}", f"out={tmp_path / 'conf'}")
    with pytest.raises(SystemExit, match="2"):
        train(task=["--config-dir", str(tmp_path / "conf"), "task=a"])
    assert "error: task.source.label_columns: got None; needs a list" in capsys.readouterr().err


def genome(folder: Path) -> dict[str, str]:
    random = np.random.default_rng(4)
    chroms = {f"chr{i}": "".join(random.choice(list("ACGT"), 700)) for i in (1, 2, 3)}
    with gzip.open(folder / "g.fa.gz", "wt") as file:
        file.writelines(f">{name}\n{text}\n" for name, text in chroms.items())
    lines = [
        f"{c}\t{s}\t{s + 4}\tp\t{i % 2}\t{'+-'[i % 2]}\n"
        for c in chroms
        for i, s in enumerate(range(60, 620, 20))
    ]
    (folder / "a.bed").write_text("".join(lines))
    return chroms


def test_intervals_with_jitter_on_both_strands(train: Command, tmp_path: Path) -> None:
    genome(tmp_path)
    task = [
        "task=bed", f"task.source.genome={tmp_path / 'g.fa.gz'}",
        f"task.source.file={tmp_path / 'a.bed'}", "task.source.label_columns=[score]",
        "task.source.window_bp=40", "task.source.stranded=true", "task.source.jitter_bp=5",
        "task.source.jitter_views=4", "task.source.split.by=column",
        "task.source.split.column=chrom", "task.source.split.dev_values=[chr2]",
        "task.source.split.test_values=[chr3]",
    ]  # fmt: skip
    folder = train("method=lora", *SMALL_BERT, *EPOCH, "data.reverse_complement=0.5", task=task)
    data = read(folder / "result.json").data
    assert data["jitter"] == {"bp": 5, "views": 4, "seed": 1}
    assert data["counts"]["train"]["length_bp_max"] == 40
    sha256 = hashlib.sha256((tmp_path / "g.fa.gz").read_bytes()).hexdigest()
    assert data["source"]["test"] == {"files": {str(tmp_path / "g.fa.gz"): sha256}}
    plain = train("method=lora", *SMALL_BERT, *EPOCH, "task.source.jitter_bp=0", task=task)
    assert result(plain)["data"]["jitter"] == {}
    assert result(plain)["scores"] != result(folder)["scores"]


def test_species_by_row(train: Command, enhancers: Path, tmp_path: Path) -> None:
    with gzip.open(enhancers, "rt") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    path = tmp_path / "species.csv"
    lines = [f"{dna},{int(kind == 'other')},{'ab'[i % 2]}" for i, (dna, kind) in enumerate(rows)]
    path.write_text("\n".join(["sequence,label,who", *lines]))
    task = [
        "task=table", f"task.source.file={path}", "task.source.species_column=who",
        "task.source.split.by=random", "task.source.split.dev_fraction=0.2",
        "task.source.split.test_fraction=0.2",
    ]  # fmt: skip
    tokens = [
        "tokenizer.species_id=69",
        "tokenizer.vocab_size=71",
        "tokenizer.species_ids={a: 69, b: 70}",
    ]
    fits = [*tokens, "model.architecture.vocab_size=71"]
    found = result(train("method=full", *SMALL_BERT, *EPOCH, *fits, task=task))
    assert found["data"]["tokens"]["train"]["max"] == 70 - 2 + 3  # [CLS], species, 3-mers, [SEP]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            '{"sequence": "ACGT", "label": 0}\n{"sequence": "AC',
            "a.jsonl line 2: not JSON",
        ),
        ("a.parquet", "PAR1 cut", "a.parquet: not a parquet file"),
        ("a.tsv", "sequence\tlabel\nACRT\t0\n", "a.tsv line 2: letter 'R' at position 3"),
        ("a.fa", ">x\nACGT\n", "a.fa: by its name no table; choose task=fasta"),
    ],
)
def test_bad_files_leave_nothing(
    name: str, content: str, message: str, train: Command, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = tmp_path / name
    path.write_text(content)
    task = [
        "task=table", f"task.source.file={path}", "task.source.split.by=random",
        "task.source.split.dev_fraction=0.2", "task.source.split.test_fraction=0.2",
    ]  # fmt: skip
    with pytest.raises(SystemExit, match="2"):
        train("method=lora", *SMALL_BERT, task=task)
    printed = capsys.readouterr().err
    assert f"error: {tmp_path}" in printed or "error: task table, " in printed
    assert message in printed
    assert "Traceback" not in printed
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]

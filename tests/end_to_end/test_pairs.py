"""Pairs of sequences through the command line: halves of real promoters."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from dnaft.data.reader import read_csv
from dnaft.saved_run import load_model
from small_runs import SMALL_BERT, Command, result

ROWS = {"train": 96, "dev": 48, "test": 48}
EPOCHS = ["trainer.max_epochs=2", "data.batch_size=16"]
LETTERS = {letter: digit for digit, letter in enumerate("ATCG")}


@pytest.fixture(scope="module")
def pair_files(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The first rows of prom_tata: 130 bp as the first sequence, 100 as the second."""
    folder = tmp_path_factory.mktemp("pairs")
    overrides = ["task=csv", "task.name=pairs", "task.source.sequence_column=left"]
    overrides.append("task.source.sequence_b_column=right")
    for split, rows in ROWS.items():
        path = shared_dir / "data" / "GUE" / "prom" / "prom_300_tata" / f"{split}.csv"
        with path.open(newline="") as file:
            of_class: dict[str, list[str]] = {"0": [], "1": []}
            for row in csv.DictReader(file):
                of_class[row["label"]].append(row["sequence"])
        with (folder / f"{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["left", "label", "right"])
            for label, sequences in of_class.items():
                writer.writerows([s[150:280], label, s[50:150]] for s in sequences[: rows // 2])
        overrides.append(f"task.source.{split}={folder / split}.csv")
    return overrides


def kmer_ids(sequence: str, k: int = 3) -> list[int]:
    """Number k-mers as DNABERT does: base 4 over A, T, C, G, behind five special tokens."""
    windows = [sequence[i : i + k] for i in range(len(sequence) - k + 1)]
    return [5 + sum(LETTERS[b] * 4 ** (k - 1 - i) for i, b in enumerate(w)) for w in windows]


@pytest.mark.parametrize("method", ["full", "adalora_rs"])
def test_pairs_are_trained_and_scored(method: str, train: Command, pair_files: list[str]) -> None:
    folder = train(f"method={method}", *SMALL_BERT, *EPOCHS, task=pair_files)
    found = result(folder)
    assert found["data"]["counts"]["train"]["rows"] == 96
    assert found["data"]["tokens"]["train"] == {"min": 229, "mean": 229, "max": 229}
    assert all(0 <= found["scores"]["test"][name] <= 1 for name in ("auroc", "accuracy"))

    backbone, record = load_model(folder)
    path = Path(record.config["task"]["source"]["test"])
    rows = read_csv(path, "left", ["label"], sequence_b_column="right")
    assert rows.sequences_b is not None
    pairs = zip(rows.sequences, rows.sequences_b, strict=True)
    ids = torch.tensor([[2, *kmer_ids(a), 3, *kmer_ids(b), 3] for a, b in pairs])
    types = torch.tensor([[0] * 130 + [1] * 99]).expand(len(ids), -1)
    with torch.no_grad():
        again = backbone(ids, torch.ones_like(ids), types).squeeze(1).double().sigmoid()
        untyped = backbone(ids, torch.ones_like(ids)).squeeze(1).double().sigmoid()
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    saved = torch.from_numpy(table["score"].to_numpy().copy())
    torch.testing.assert_close(again, saved, rtol=0, atol=1e-6)
    assert (untyped - saved).abs().max() > 1e-4


@pytest.mark.parametrize(("method", "features"), [("kmer", 2 * 4**6), ("onehot", 4 * 230)])
def test_baselines_of_pairs(
    method: str, features: int, train: Command, pair_files: list[str]
) -> None:
    found = result(train(f"method=baseline_{method}", "progress=false", task=pair_files))
    assert found["parameters"]["trainable"] == features + 1


def test_pairs_over_the_limit(
    train: Command, pair_files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """229 tokens; 200 hold 98 and 99 3-mers, that is 101 bp of the longer, all of the other."""
    limit = ["method=lora", *SMALL_BERT, *EPOCHS, "model.max_tokens=200"]
    with pytest.raises(SystemExit, match="2"):
        train(*limit, task=pair_files)
    message = capsys.readouterr().err
    assert "train 96 of 96 pairs lose" in message
    assert "longer sequence of a pair first" in message
    folder = train(*limit, "data.long_input=cut", task=pair_files)
    report = result(folder)["data"]["truncation"]["train"]
    assert (report["sequences"], report["most_lost_bp"], report["lost_bp"]) == (96, 29, 96 * 29)


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["data.long_input=windows"], ["the rows are pairs", "data.long_input=cut or error"]),
        (["tokenizer=character"], ["tokenizer: CharacterTokenizer encodes one sequence a row"]),
        (["model=tiny_opt"], ["tokenizer: tokenizer package:bbpe_yeast cannot encode pairs"]),
        (["task.source.sequence_b_column=rigth"], ["no column 'rigth'", "sequence_b_column"]),
    ],
)
def test_wrong_settings_of_pairs(
    overrides: list[str],
    parts: list[str],
    train: Command,
    pair_files: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        train("method=lora", "progress=false", *overrides, task=pair_files)
    message = capsys.readouterr().err
    assert "Traceback" not in message
    for part in parts:
        assert part in message


def test_an_empty_second_sequence(
    train: Command, pair_files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.csv").write_text("left,label,right\nACGTACGT,0,ACGT\nACGTTTTT,1,\n")
    task = [o for o in pair_files if "source.train=" not in o]
    with pytest.raises(SystemExit, match="2"):
        train("progress=false", task=[*task, f"task.source.train={tmp_path}/train.csv"])
    assert "train.csv line 3: the second sequence is empty" in capsys.readouterr().err

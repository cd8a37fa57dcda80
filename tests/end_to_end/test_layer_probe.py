"""Probes of all layers through the command line, on real promoters."""

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from transformers import AutoModel

from dnaft.config import build
from dnaft.data.reader import read_csv
from dnaft.errors import InputError
from dnaft.export import main as export
from dnaft.saved_probe import load_probe
from dnaft.saved_run import load_model
from small_runs import SMALL_BERT, SMALL_OPT, Command, result
from wandb_files import read_offline_run

# Random layers that do something: from 0.02 they start close to the identity.
PROBE = ["method=layer_probe", *SMALL_BERT, "+model.architecture.initializer_range=0.3"]
TURN = str.maketrans("ACGT", "TGCA")
Rows = dict[str, tuple[list[str], Any]]


def rows_of(folder: Path) -> Rows:
    """The sequences and labels that a run was given, by split."""
    source = result(folder)["config"]["task"]["source"]
    rows = {}
    for split in ("train", "dev", "test"):
        table = read_csv(Path(source[split]), source["sequence_column"], source["label_columns"])
        rows[split] = table.sequences, np.array(table.labels[0], dtype=float)
    return rows


def ids_of(folder: Path, sequences: list[str]) -> Tensor:
    """Token ids of sequences of one length, as the run's tokenizer makes them."""
    encoded = build(result(folder)["config"]["tokenizer"], "tokenizer").encode(sequences)
    return torch.tensor([encoded[i].tolist() for i in range(len(encoded))])


def saved_scores(folder: Path) -> Tensor:
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    return torch.from_numpy(table["score"].to_numpy().copy())


def curve_of(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "layers.csv").read_text().splitlines()))


def test_each_layer_is_what_transformers_and_scikit_learn_give(train: Command) -> None:
    folder = train(*PROBE)
    model = AutoModel.from_pretrained(folder / "base", add_pooling_layer=False).eval()
    rows, states = rows_of(folder), {}
    for split, (sequences, _) in rows.items():
        with torch.no_grad():
            hidden = model(ids_of(folder, sequences), output_hidden_states=True).hidden_states
        states[split] = [layer.mean(dim=1).double().numpy() for layer in hidden]
    curve = curve_of(folder)
    assert [line["layer"] for line in curve] == ["0", "1", "2"]
    assert [line["width"] for line in curve] == ["16", "16", "16"]
    predicted = []
    for layer, line in enumerate(curve):
        direct = make_pipeline(
            StandardScaler(),
            LogisticRegression(C=1 / float(line["penalty"]), tol=1e-8, max_iter=100_000),
        ).fit(states["train"][layer], rows["train"][1])
        for split in ("dev", "test"):
            found = matthews_corrcoef(rows[split][1], direct.predict(states[split][layer]))
            assert found == pytest.approx(float(line[f"{split}_mcc"]), abs=1e-6)
        predicted.append(direct.predict_proba(states["test"][layer])[:, 1])
    chosen = result(folder)["chosen"]
    np.testing.assert_allclose(saved_scores(folder), predicted[chosen["layer"]], atol=1e-4)


def test_the_record_says_which_layer_dev_chose(
    train: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = train(*PROBE)
    found, curve = result(folder), curve_of(folder)
    chosen = found["chosen"]
    dev = [float(line["dev_mcc"]) for line in curve]
    assert chosen["layer"] == dev.index(max(dev))
    assert chosen["dev_scores"] == {str(i): score for i, score in enumerate(dev)}
    assert len(set(dev)) > 1
    line = curve[chosen["layer"]]
    assert chosen["penalty"] == float(line["penalty"])
    assert chosen["state"] == line["state"]
    for split in ("dev", "test"):
        assert found["scores"][split] == {
            name.removeprefix(f"{split}_"): float(value)
            for name, value in line.items()
            if name.startswith(f"{split}_")
        }
    assert chosen["value"] == max(dev)
    backbone = sum(p.numel() for p in AutoModel.from_pretrained(folder / "base").parameters())
    pooler = 16 * 16 + 16
    assert found["parameters"]["trainable"] == 16 + 1
    assert found["parameters"]["total"] == backbone - pooler + 17
    printed = capsys.readouterr().out
    assert f"| {chosen['layer']} *   | " in printed
    assert all(f"{float(row['test_mcc']):.4f}" in printed for row in curve)
    assert (folder / "layers.png").stat().st_size > 5000
    assert not (folder / "checkpoints").exists()
    assert not list(folder.glob("metrics*.csv"))


def test_a_saved_probe_gives_the_predictions_again(train: Command) -> None:
    """Also of another layer, by the weights of the curve; and a second run gives the same."""
    folder = train(*PROBE)
    model, record = load_probe(folder)
    sequences, labels = rows_of(folder)["test"]
    ids = ids_of(folder, sequences)
    again = model(ids, torch.ones_like(ids)).squeeze(1).sigmoid()
    torch.testing.assert_close(again, saved_scores(folder), rtol=0, atol=1e-6)
    for layer, line in enumerate(curve_of(folder)):
        other, _ = load_probe(folder, layer)
        positive = other(ids, torch.ones_like(ids)).squeeze(1) > 0
        assert matthews_corrcoef(labels, positive) == pytest.approx(float(line["test_mcc"]))
    second = train(*PROBE, "resume=true")  # nothing to go on with: from the start, elsewhere
    assert second.name == f"{folder.name}-2"
    assert result(second)["scores"] == dict(record.scores)
    assert (second / "layers.csv").read_text() == (folder / "layers.csv").read_text()


def test_pretrained_states_of_two_widths(train: Command) -> None:
    folder = train("method=layer_probe", "progress=false", "trainer.accelerator=cpu")
    curve = curve_of(folder)
    assert [line["width"] for line in curve] == ["128"] * 5 + ["48"]
    assert curve[-1]["state"] == "last hidden state"
    assert not (folder / "base").exists()
    model, _ = load_probe(folder)
    ids = ids_of(folder, rows_of(folder)["test"][0])
    again = model(ids, torch.ones_like(ids)).squeeze(1).sigmoid()
    torch.testing.assert_close(again, saved_scores(folder), rtol=0, atol=1e-5)


def test_windows_and_both_strands_of_all_splits(train: Command) -> None:
    """60 bp are two windows of 38 3-mers, 0 to 40 and 20 to 60, on either strand."""
    plain = train(*PROBE)
    limits = ["model.max_tokens=40", "data.long_input=windows", "data.eval_reverse_complement=true"]
    folder = train(*PROBE, *limits)
    found = result(folder)
    assert found["data"]["windows"]["train"]["windows"] == 192
    assert set(found["data"]["other_strand"]["tokens"]) == {"train", "dev", "test"}
    assert found["chosen"]["dev_scores"] != result(plain)["chosen"]["dev_scores"]

    rows, layer = rows_of(folder), found["chosen"]["layer"]
    model = AutoModel.from_pretrained(folder / "base").eval()

    def read(sequences: list[str]) -> Any:
        parts = []
        for strand in (sequences, [s.translate(TURN)[::-1] for s in sequences]):
            for piece in (slice(0, 40), slice(20, 60)):
                ids = ids_of(folder, [sequence[piece] for sequence in strand])
                with torch.no_grad():
                    hidden = model(ids, output_hidden_states=True).hidden_states[layer]
                parts.append(hidden.mean(dim=1).double().numpy())
        return np.mean(parts, axis=0)

    direct = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=1 / found["chosen"]["penalty"], tol=1e-8, max_iter=100_000),
    ).fit(read(rows["train"][0]), rows["train"][1])
    want = direct.predict_proba(read(rows["test"][0]))[:, 1]
    np.testing.assert_allclose(saved_scores(folder), want, atol=1e-4)


def test_pairs_with_their_segments(
    train: Command, promoter_files: list[str], tmp_path: Path
) -> None:
    """Halves of promoters as the two sequences of a row."""
    task = ["task=csv", "task.source.sequence_b_column=right"]
    for override in promoter_files[2:]:
        name, _, path = override.partition("=")
        with (tmp_path / Path(path).name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sequence", "right", "label"])
            for row in csv.DictReader(Path(path).read_text().splitlines()):
                writer.writerow([row["sequence"][:25], row["sequence"][25:], row["label"]])
        task.append(f"{name}={tmp_path / Path(path).name}")
    folder = train(*PROBE, task=task)
    model, record = load_probe(folder)
    table = read_csv(
        Path(record.config["task"]["source"]["test"]), "sequence", ["label"],
        sequence_b_column="right",
    )  # fmt: skip
    assert table.sequences_b is not None
    first, second = (ids_of(folder, part) for part in (table.sequences, table.sequences_b))
    ids = torch.cat([first, second[:, 1:]], dim=1)  # [CLS] a [SEP] b [SEP]
    types = torch.tensor([0] * first.shape[1] + [1] * (second.shape[1] - 1)).expand_as(ids)
    again = model(ids, torch.ones_like(ids), types).squeeze(1).sigmoid()
    torch.testing.assert_close(again, saved_scores(folder), rtol=0, atol=1e-6)
    untyped = model(ids, torch.ones_like(ids)).squeeze(1).sigmoid()
    assert (untyped - again).abs().max() > 1e-4


def test_a_prefix_is_read_with_the_sequence(train: Command) -> None:
    settings = ["method=layer_probe", "model=tiny_opt", *SMALL_OPT]
    plain = result(train(*settings))
    prefixed = result(train(*settings, "method.prefix='Domain: promoters '"))
    tokens = [found["data"]["tokens"]["test"]["min"] for found in (plain, prefixed)]
    assert tokens[1] > tokens[0] + 1
    assert prefixed["chosen"]["dev_scores"] != plain["chosen"]["dev_scores"]


@pytest.mark.parametrize(
    ("kind", "outputs", "columns"),
    [("multiclass", 3, ["label"]), ("multilabel", 2, ["a", "b"]), ("regression", 1, ["y"])],
)
def test_other_kinds_of_tasks(
    kind: str,
    outputs: int,
    columns: list[str],
    train: Command,
    promoter_files: list[str],
    tmp_path: Path,
) -> None:
    """GC content of real promoters, which a mean over their bases tells."""
    task = ["task=csv", f"task.kind={kind}", f"task.outputs={outputs}"]
    task.append(f"task.source.label_columns=[{','.join(columns)}]")
    for override in promoter_files[2:]:
        name, _, path = override.partition("=")
        with (tmp_path / Path(path).name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sequence", *columns])
            for row in csv.DictReader(Path(path).read_text().splitlines()):
                share = sum(row["sequence"].count(base) for base in "GC")
                values = {
                    "label": [(share > 18) + (share > 24)],
                    "a": [int(share > 18), int(share > 24)],
                    "y": [share / 60],
                }[columns[0]]
                writer.writerow([row["sequence"], *values])
        task.append(f"{name}={tmp_path / Path(path).name}")
    folder = train(*PROBE, "tokenizer=character", task=task)
    found = result(folder)
    assert found["scores"]["test"][found["chosen"]["metric"]] > 0.8
    assert found["parameters"]["trainable"] == 17 * outputs
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    assert sum(name.startswith("score") for name in table.column_names) == outputs
    assert len(table) == 48


def test_export_and_loading_say_what_such_a_run_is(
    train: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = train(*PROBE)
    with pytest.raises(InputError, match=r"load it with dnaft\.saved_probe\.load_probe"):
        load_model(folder)
    with pytest.raises(InputError, match="layer 3 was not probed; 0 to 2 were"):
        load_probe(folder, 3)
    for merge in ("true", "false"):
        monkeypatch.setattr(sys, "argv", ["dnaft.export", f"run={folder}", f"merge={merge}"])
        with pytest.raises(SystemExit, match="2"):
            export()
        message = capsys.readouterr().err
        assert "layer_probe leaves the language model as it is; there is nothing to expo" in message
    assert not (folder / "export").exists()
    (folder / "layer_probes.safetensors").unlink()
    with pytest.raises(InputError, match=r"no layer_probes\.safetensors: it is no whole run"):
        load_probe(folder)


def test_the_dashboard_mirrors_the_scores_and_the_curve(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = train(*PROBE, "logger=wandb")
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    run = read_offline_run(file)
    assert run.config["method"]["name"] == run.job_type == "layer_probe"
    assert run.summary["test/mcc"] == result(folder)["scores"]["test"]["mcc"]
    assert len(run.table("test/predictions")[1]) == 48
    columns, rows = run.table("layer/scores")
    curve = curve_of(folder)
    assert columns == [*curve[0]]
    for row, line in zip(rows, curve, strict=True):
        for shown, written in zip(row, line.values(), strict=True):
            if isinstance(shown, str):
                assert shown == written
            else:
                assert shown == pytest.approx(float(written), nan_ok=True)
    picture = run.folder / "files" / run.summary["layer/curve/path"]
    assert picture.read_bytes() == (folder / "layers.png").read_bytes()


def test_a_dev_split_that_cannot_choose(
    train: Command,
    promoter_files: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "dev.csv").write_text("sequence,label\nACGTACGTAA,1\nACGTTTTTAA,1\n")
    task = [o for o in promoter_files if "source.dev" not in o]
    with pytest.raises(SystemExit, match="2"):
        train(
            *PROBE, "task.choose_by=auroc", task=[*task, f"task.source.dev={tmp_path / 'dev.csv'}"]
        )
    assert "the dev split defines no auroc" in capsys.readouterr().err


def test_states_are_read_once_and_scores_stay(train: Command) -> None:
    """Read anew, read and kept, and from the cache by another seed of the same model."""
    runs = [
        train(*PROBE, "fast.frozen_states=false"),
        train(*PROBE, "fast.cache_gib=1e-6"),
        train(*PROBE),
        train(*PROBE, "method.probe.penalties=[1.0]"),
        train(*PROBE),
    ]
    kept = [result(run)["training"]["frozen_states"] for run in runs]
    assert kept[0] is None
    assert [k["rows_read"] for k in kept[1:]] == [192, 192, 0, 0]
    assert {k["rows"] for k in kept[1:]} == {192}
    assert kept[1]["bytes"] == 192 * 3 * 16 * 4  # by pencil
    for run in (runs[1], runs[2], runs[4]):
        assert curve_of(run) == curve_of(runs[0])
        assert torch.equal(saved_scores(run), saved_scores(runs[0]))
    pooled = train(*PROBE, "model.pooling=first")
    assert result(pooled)["training"]["frozen_states"]["rows_read"] == 192

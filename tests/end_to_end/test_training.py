"""Whole runs through the command line, on real sequences and small models."""

import csv
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from sklearn import metrics as sk

from dnaft.config import config_dir
from dnaft.data.reader import read_csv
from dnaft.errors import InputError
from dnaft.saved_run import load_model
from dnaft.tokenizers.kmer import KmerTokenizer
from small_runs import (
    SMALL_BERT,
    SMALL_OPT,
    Command,
    Interrupted,
    interrupted_in_epoch,
    result,
)

METHODS = sorted(
    file.stem
    for file in (Path(config_dir()) / "method").glob("*.yaml")
    if not file.stem.startswith("_") and file.stem != "qlora"  # test_quantised.py
)
KEYS = [
    "schema_version", "task", "model", "method", "seed", "config", "code_version", "data",
    "parameters", "scores", "chosen", "timing", "training", "memory", "flops",
    "forgetting", "ranks", "environment",
]  # fmt: skip
EPOCHS = ["trainer.max_epochs=3", "data.batch_size=16"]


def model_of(method: str) -> list[str]:
    if method.startswith("baseline"):
        return ["progress=false"]
    if method == "lingo":
        return ["model=tiny_opt", *SMALL_OPT, *EPOCHS]
    if method == "peft":
        target = ["method.peft_config._target_=peft.HRAConfig", "+method.peft_config.r=2"]
        return [*target, "method.optimizer.lr=0.01", *SMALL_BERT, *EPOCHS]
    return [*SMALL_BERT, *EPOCHS]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_a_complete_run_folder(
    method: str, train: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = train(f"method={method}", *model_of(method))
    found = result(folder)
    assert list(found) == KEYS
    for split in ("dev", "test"):
        scores = found["scores"][split]
        assert {"mcc", "auroc", "auprc", "accuracy", "f1_macro"} <= set(scores)
        assert all(0 <= scores[name] <= 1 for name in ("auroc", "auprc", "accuracy", "f1_macro"))
    assert found["chosen"]["value"] == found["scores"]["dev"]["mcc"]
    assert found["data"]["counts"]["train"]["rows"] == 96
    assert set(found["parameters"]) == {"trainable", "total", "fraction"}
    assert (folder / ".hydra" / "config.yaml").is_file()
    # The table on the terminal shows what the file holds.
    printed = capsys.readouterr().out
    assert f"{found['scores']['test']['mcc']:.4f}" in printed
    assert str(folder) in printed

    # Every score can be computed again from the predictions.
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    labels, scores = table["label"].to_numpy(), table["score"].to_numpy()
    test = found["scores"]["test"]
    assert sk.roc_auc_score(labels, scores) == pytest.approx(test["auroc"], abs=1e-6)
    assert sk.matthews_corrcoef(labels, scores > 0.5) == pytest.approx(test["mcc"], abs=1e-6)

    if method.startswith("baseline") or method == "layer_probe":
        return
    assert (folder / "metrics.csv").is_file()
    assert (folder / "checkpoints" / "best.ckpt").is_file()
    flops = found["flops"]
    assert (flops["read"] > 0) == (method == "linear_probe")  # for partial it is not worth it
    assert flops["total"] == flops["read"] + flops["per_step"] * 18
    if found["ranks"]:
        last = list(csv.DictReader((folder / "ranks.csv").open()))[-1]
        assert sum(found["ranks"]["end"].values()) == int(last["kept"])
        assert (folder / "ranks.png").stat().st_size > 5000


def test_a_saved_run_gives_the_logits_of_its_predictions(train: Command) -> None:
    compact = "method.callbacks.rank_sampler.compact=true"
    methods = [[m] for m in ("full", "linear_probe", "adalora_rs", "bottleneck", "prompt_tuning")]
    for method in (*methods, ["adalora_rs", compact]):
        folder = train(f"method={method[0]}", *method[1:], *SMALL_BERT, *EPOCHS)
        backbone, record = load_model(folder)
        rows = read_csv(Path(record.config["task"]["source"]["test"]), "sequence", ["label"])
        encoded = KmerTokenizer(k=record.config["tokenizer"]["k"]).encode(rows.sequences)
        ids = torch.tensor([encoded[i].tolist() for i in range(len(encoded))])
        with torch.no_grad():
            again = backbone(ids, torch.ones_like(ids)).squeeze(1).double().sigmoid()
        table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
        saved = torch.from_numpy(table["score"].to_numpy().copy())
        torch.testing.assert_close(again, saved, rtol=0, atol=1e-6)


def test_pruned_triplets_leave_a_run_and_its_files(train: Command) -> None:
    """T is step 14 of 18, so the last epoch ends with smaller tensors than the others."""
    settings = ["method=adalora_rs", *SMALL_BERT, *EPOCHS]
    plain = train(*settings)
    folder = train(*settings, "method.callbacks.rank_sampler.compact=true")
    assert (folder / "ranks.csv").read_text() == (plain / "ranks.csv").read_text()
    last = list(csv.DictReader((folder / "ranks.csv").open()))[-1]
    found = result(folder)["ranks"]
    assert sum(found["end"].values()) == int(last["kept"])
    # Layers of width 16 alike: 16 + 16 + 1 numbers a triplet.
    assert found["parameters"]["end"] == 33 * int(last["kept"])
    assert found["parameters"]["chosen"] == 33 * sum(found["chosen"].values())

    def numbers(run: Path, name: str) -> int:
        state = torch.load(run / "checkpoints" / name, weights_only=True)["state_dict"]
        return sum(t.numel() for key, t in state.items() if "lora_" in key)

    assert numbers(plain, "last.ckpt") == 12 * 12 * 33
    assert numbers(folder, "last.ckpt") == found["parameters"]["end"]
    saved = load_file(folder / "adapter" / "adapter_model.safetensors")
    rows = sum(t.shape[0] for name, t in saved.items() if "lora_A" in name)
    assert rows == sum(found["chosen"].values())


def test_the_same_seed_gives_the_same_scores_and_a_new_folder(train: Command) -> None:
    first = train("method=adalora_rs", *SMALL_BERT, *EPOCHS)
    before = (first / "result.json").read_bytes()
    second = train("method=adalora_rs", *SMALL_BERT, *EPOCHS)
    third = train("method=adalora_rs", "seed=2", *SMALL_BERT, *EPOCHS)
    assert second.name == f"{first.name}-2"
    assert (first / "result.json").read_bytes() == before
    assert result(first)["scores"] == result(second)["scores"]
    assert result(first)["ranks"] == result(second)["ranks"]
    assert result(third)["scores"] != result(first)["scores"]


@pytest.mark.parametrize("method", ["adalora_rs", "loraplus", "bottleneck", "prefix_tuning"])
def test_a_resumed_run_equals_an_uninterrupted_one(method: str, train: Command) -> None:
    settings = [f"method={method}", *SMALL_BERT, *EPOCHS]
    if method == "loraplus":  # masks of the fused adapters and of the model go on, too
        settings += ["method.inject.dropout=0.2", "model.architecture.hidden_dropout_prob=0.2"]
    straight = train(*settings, out="straight")

    with interrupted_in_epoch(2):
        train(*settings, out="resumed")
    out = straight.parents[3]
    unfinished = out.with_name("resumed") / straight.relative_to(out)
    checkpoint = unfinished / "checkpoints" / "last.ckpt"
    state = torch.load(checkpoint, weights_only=True)
    state["callbacks"]["Throughput"]["elapsed"] += 1000  # the first session took longer
    torch.save(state, checkpoint)
    resumed = train(*settings, "resume=true", out="resumed")
    assert resumed.name == straight.name
    assert result(straight)["timing"]["seconds"] < 1000 < result(resumed)["timing"]["seconds"]
    assert result(resumed)["scores"] == result(straight)["scores"]
    assert result(resumed)["ranks"] == result(straight)["ranks"]
    if method == "adalora_rs":
        assert (resumed / "ranks.csv").read_text() == (straight / "ranks.csv").read_text()
    assert (resumed / "metrics.until_interruption1.csv").is_file()


def test_without_resume_an_unfinished_run_is_left_alone(train: Command) -> None:
    with interrupted_in_epoch(1):
        train("method=lora", *SMALL_BERT, *EPOCHS)
    folder = train("method=lora", *SMALL_BERT, *EPOCHS)
    assert folder.name.endswith("-2")
    unfinished = folder.with_name(folder.name.removesuffix("-2"))
    assert (unfinished / "checkpoints" / "last.ckpt").is_file()
    assert not (unfinished / "result.json").exists()


@pytest.mark.parametrize(
    ("kind", "outputs", "columns", "expected"),
    [
        ("multiclass", 3, ["label"], {"mcc", "auroc", "auprc", "accuracy", "f1_macro"}),
        ("multilabel", 2, ["a", "b"], {"mcc", "auroc", "auprc", "accuracy", "f1_macro"}),
        ("regression", 1, ["y"], {"r2", "pearson_r2", "spearman"}),
    ],
)
def test_other_kinds_of_tasks_train_and_are_scored(
    kind: str, outputs: int, columns: list[str], expected: set[str], train: Command, tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(4)
    overrides = ["task=csv", f"task.kind={kind}", f"task.outputs={outputs}"]
    overrides += [f"task.source.label_columns=[{','.join(columns)}]"]
    for split in ("train", "dev", "test"):
        bases = torch.randint(0, 4, (48, 30), generator=generator)
        with (tmp_path / f"{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sequence", *columns])
            for row in bases:
                share = int((row == 1).sum())
                values = {
                    "label": [share % 3],
                    "a": [int(share > 7), int(share > 6)],
                    "y": [math.sqrt(share)],
                }[columns[0]]
                writer.writerow(["".join("ACGT"[i] for i in row), *values])
        overrides.append(f"task.source.{split}={tmp_path / split}.csv")
    for method in ("lora", "baseline_kmer"):
        small = ["progress=false"] if method == "baseline_kmer" else [*SMALL_BERT, *EPOCHS]
        found = result(train(f"method={method}", *small, task=overrides))
        assert expected <= set(found["scores"]["test"])
        assert all(value is not None for value in found["scores"]["test"].values())


def test_truncation_is_refused_or_reported_in_bases(
    train: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """60 bp are 58 3-mers and two special tokens; 40 tokens hold 38 3-mers, that is 40 bp."""
    with pytest.raises(SystemExit, match="2"):
        train("method=lora", *SMALL_BERT, *EPOCHS, "model.max_tokens=40")
    message = capsys.readouterr().err
    assert "96 of 96" in message
    assert "data.long_input=cut" in message
    folder = train(
        "method=lora", *SMALL_BERT, *EPOCHS, "model.max_tokens=40",
        "data.long_input=cut",
    )  # fmt: skip
    report = result(folder)["data"]["truncation"]["train"]
    assert (report["sequences"], report["most_lost_bp"], report["lost_bp"]) == (96, 20, 96 * 20)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"result\.json"):
        load_model(tmp_path)


def test_a_run_that_stopped_early_says_so_and_does_not_train_on(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after training, before it was scored; a rate so high that dev soon gets worse."""
    settings = ["method=full", "method.optimizer.lr=0.1", *SMALL_BERT, "data.batch_size=16"]
    settings += ["callbacks=early_stopping", "callbacks.early_stopping.patience=2"]
    settings += ["trainer.max_epochs=12"]
    straight = train(*settings, out="straight")
    end = result(straight)["training"]["stopped"]
    curve = list(csv.DictReader((straight / "metrics.csv").open()))
    losses = [float(line["dev/loss"]) for line in curve if line["dev/loss"]]
    assert end["reason"] == "early_stopping"
    assert end["epochs"] == len(losses) == 1 + losses.index(min(losses)) + 2 < 12
    assert (end["steps"], end["planned_steps"]) == (6 * len(losses), 72)
    assert end["early_stopping"]["best"] == pytest.approx(min(losses))

    def fail(*_: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr("dnaft.fine_tune_run.restore_best", fail)
        with pytest.raises(Interrupted):
            train(*settings, out="resumed")
    resumed = train(*settings, "resume=true", out="resumed")
    assert result(resumed)["training"] == result(straight)["training"]
    assert result(resumed)["scores"] == result(straight)["scores"]


def test_early_stopping_and_an_interruption_on_the_way(train: Command) -> None:
    settings = ["method=full", "method.optimizer.lr=0.1", *SMALL_BERT, "data.batch_size=16"]
    settings += ["callbacks=early_stopping", "trainer.max_epochs=12"]
    straight = train(*settings, out="straight")
    assert result(straight)["training"]["stopped"]["epochs"] > 3

    with interrupted_in_epoch(3):
        train(*settings, out="resumed")
    resumed = train(*settings, "resume=true", out="resumed")
    assert result(resumed)["training"] == result(straight)["training"]
    assert result(resumed)["scores"] == result(straight)["scores"]

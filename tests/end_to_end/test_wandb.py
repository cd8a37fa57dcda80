"""Runs with logger=wandb: their offline files say what result.json and the predictions say."""

import contextlib
import csv
import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import wandb
from sklearn import metrics as sk

from dnaft.dashboard.connection import find_mode
from dnaft.label_table import read_label_table
from small_runs import SMALL_BERT, interrupted_in_epoch, result
from wandb_files import OfflineRun, read_offline_run

BASELINE = ["progress=false", "logger=wandb"]
TRAINED = [
    "method=adalora_rs", *SMALL_BERT, "trainer.max_epochs=3", "data.batch_size=16",
    "trainer.log_every_n_steps=2", "logger=wandb", "logger.table_rows=20",
]  # fmt: skip


@dataclass
class Done:
    """A command that ended: its status, what it printed, the runs that it left."""

    status: int
    printed: str
    folders: list[Path]

    def run(self, number: int = 0) -> OfflineRun:
        (file,) = self.folders[number].glob("wandb/offline-run-*/*.wandb")
        return read_offline_run(file)


Train = Callable[..., Done]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Train]:
    """Run `python -m dnaft.train` with these overrides, without a key or a server of W&B."""
    folder = tmp_path_factory.mktemp("wandb")

    def run(*overrides: str, out: str) -> Done:
        from dnaft.train import main

        sys.argv = ["dnaft.train", *overrides, f"output_dir={folder / out}"]
        status, printed = 0, io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                main()
            except SystemExit as stop:
                status = int(str(stop.code))
        found = sorted((folder / out).rglob("result.json"))
        return Done(status, printed.getvalue(), [file.parent for file in found])

    with pytest.MonkeyPatch.context() as patch:
        for name in [*filter(lambda name: name.startswith("WANDB_"), os.environ)]:
            patch.delenv(name)
        patch.delenv("HYDRA_FULL_ERROR", raising=False)
        patch.setenv("NETRC", str(folder / "no_netrc"))
        patch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
        patch.setenv("DNAFT_CACHE_DIR", str(folder / "cache"))
        for name in ("CONFIG", "CACHE", "DATA"):
            patch.setenv(f"WANDB_{name}_DIR", str(folder / name.lower()))
        patch.setattr(sys, "argv", [])
        wandb.teardown()  # it reads its environment once
        yield run
    wandb.teardown()


@pytest.fixture(scope="module")
def trained(train: Train, promoter_files: list[str]) -> Done:
    return train(*promoter_files, *TRAINED, out="trained")


def gc_task(
    folder: Path, promoter_files: list[str], columns: list[str], *settings: str
) -> list[str]:
    """Overrides of a task about the GC content of real promoters."""
    folder.mkdir()
    names = f"task.source.label_columns=[{','.join(columns)}]"
    task = ["task=csv", "task.name=gc", *settings, names]
    for override in promoter_files[2:]:
        name, _, path = override.partition("=")
        with (folder / Path(path).name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sequence", *columns])
            for row in csv.DictReader(Path(path).read_text().splitlines()):
                share = sum(row["sequence"].count(base) for base in "GC")
                values = {
                    "label": [("low", "middle", "high")[(share > 18) + (share > 24)]],
                    "a": [int(share > 18), int(share > 24)],
                    "y": [share / 60],
                }[columns[0]]
                writer.writerow([row["sequence"], *values])
        task.append(f"{name}={folder / Path(path).name}")
    return task


def predictions(folder: Path) -> dict[str, np.ndarray]:
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    return {name: table[name].to_numpy() for name in table.column_names}


def counts(run: OfflineRun, key: str) -> np.ndarray:
    columns, rows = run.table(f"{key}_table")
    assert columns == ["Actual", "Predicted", "nPredictions"]
    classes = len({row[0] for row in rows})
    return np.array([row[2] for row in rows]).reshape(classes, classes)


def areas(run: OfflineRun, split: str, name: str) -> tuple[float, float]:
    """The areas below the curves of a class that the dashboard shows."""
    points = {}
    for key in ("roc", "pr"):
        _, rows = run.table(f"{split}/{key}_table")
        points[key] = np.array([row[1:] for row in rows if row[0] == name])
    roc, pr = points["roc"], points["pr"]
    return float(np.trapezoid(roc[:, 1], roc[:, 0])), float(np.diff(pr[:, 0]) @ pr[1:, 1])


def test_a_run_says_what_it_is(trained: Done) -> None:
    run, (folder,) = trained.run(), trained.folders
    found = result(folder)
    assert run.name == "/".join(folder.parts[-4:])
    assert (run.project, run.group, run.sweep, run.exit_code) == ("dnaft", "", "", 0)
    assert run.job_type == "adalora_rs"
    assert set(run.tags) == {"csv", "tiny", "adalora_rs"}
    assert {key: run.config[key] for key in found["config"]} == found["config"]


def test_it_has_the_scores_and_the_curves(trained: Done) -> None:
    run, (folder,) = trained.run(), trained.folders
    found = result(folder)
    for split, scores in found["scores"].items():
        assert {name: run.summary[f"{split}/{name}"] for name in scores} == scores
    assert run.summary["parameters/trainable"] == found["parameters"]["trainable"]
    assert run.summary["chosen/step"] == found["chosen"]["step"]
    lines = list(csv.DictReader((folder / "metrics.csv").open()))
    logged = [name for name in lines[0] if name != "step"]
    assert {"train/loss", "dev/mcc", "rank/budget", "rank/kept"} <= set(logged)
    for name in logged:
        curve = [(int(line["step"]), float(line[name])) for line in lines if line[name]]
        np.testing.assert_allclose(run.curve(name), curve, rtol=1e-9, err_msg=name)


def test_classification_has_its_charts(trained: Done) -> None:
    run, (folder,) = trained.run(), trained.folders
    found, saved = result(folder)["scores"], predictions(folder)
    expected = sk.confusion_matrix(saved["label"], saved["score"] > 0.5)
    assert (counts(run, "test/confusion_matrix") == expected).all()
    for split in ("dev", "test"):
        assert areas(run, split, "1") == pytest.approx(
            (found[split]["auroc"], found[split]["auprc"]), abs=1e-6
        )
        assert run.charts[f"{split}/confusion_matrix"]["panelDefId"] == "wandb/confusion_matrix/v1"
        for key in ("roc", "pr"):
            chart = run.charts[f"{split}/{key}"]
            assert chart["panelDefId"] == "wandb/area-under-curve/v0"
            assert set(chart["fieldSettings"].values()) == {*run.table(f"{split}/{key}_table")[0]}


def test_some_predictions_are_in_a_table_and_it_says_how_many(trained: Done) -> None:
    run, (folder,) = trained.run(), trained.folders
    saved = predictions(folder)
    columns, rows = run.table("test/predictions")
    assert columns == ["row", "label", "predicted", "correct", "score 1"]
    assert len(rows) == 20
    assert (rows[0][0], rows[-1][0]) == (0, 47)
    for row, label, predicted, correct, score in rows:
        assert label == str(int(saved["label"][row]))
        assert score == pytest.approx(saved["score"][row], abs=1e-12)
        assert predicted == str(int(saved["score"][row] > 0.5))
        assert correct == (label == predicted)
    assert "W&B: 20 of 48 test predictions in the table (logger.table_rows)" in trained.printed


def test_ranks_over_the_run(trained: Done) -> None:
    run, (folder,) = trained.run(), trained.folders
    lines = list(csv.reader((folder / "ranks.csv").open()))
    columns, rows = run.table("rank/allocations")
    assert [columns, *([str(cell) for cell in row] for row in rows)] == lines
    picture = run.folder / "files" / run.summary["rank/heat_map/path"]
    assert picture.read_bytes() == (folder / "ranks.png").read_bytes()


def test_without_a_key_it_says_once_how_to_upload(trained: Done) -> None:
    said = [line for line in trained.printed.splitlines() if "wandb sync" in line]
    assert said == [f"W&B ran offline; upload with: wandb sync {trained.run().folder}"]


def test_a_resumed_run_keeps_its_id_and_its_curve(
    train: Train, trained: Done, promoter_files: list[str]
) -> None:
    with interrupted_in_epoch(2):
        train(*promoter_files, *TRAINED, out="resumed")
    assert wandb.run is None
    done = train(*promoter_files, *TRAINED, "resume=true", out="resumed")
    (first,) = done.folders[0].glob("wandb/interrupted-offline-run-*/*.wandb")
    before, run, straight = read_offline_run(first), done.run(), trained.run()
    assert before.id == run.id != straight.id
    assert (before.exit_code, run.exit_code) == (1, 0)
    for key in ("train/loss", "dev/mcc", "rank/kept", "epoch"):
        np.testing.assert_allclose(run.curve(key), straight.curve(key), rtol=1e-9, err_msg=key)
        assert len(before.curve(key)) < len(run.curve(key))


@pytest.fixture(scope="module")
def sweep(
    train: Train, promoter_files: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Done:
    """Two baselines on three classes, each once as it should be and once with a model too many."""
    task = gc_task(
        tmp_path_factory.mktemp("gc") / "classes", promoter_files, ["label"],
        "task.kind=multiclass", "task.outputs=3", "task.classes=[low,middle,high]",
    )  # fmt: skip
    grid = ["method=baseline_kmer,baseline_onehot", "model=tiny,none"]
    return train("-m", *task, *BASELINE, *grid, out="sweep")


def test_runs_of_a_sweep_are_a_group_also_after_failures(sweep: Done) -> None:
    assert sweep.status == 2
    runs = [sweep.run(0), sweep.run(1)]
    assert len({run.id for run in runs}) == 2
    assert {run.job_type for run in runs} == {"baseline_kmer", "baseline_onehot"}
    assert runs[0].group == runs[1].group
    assert runs[0].group.startswith("task=csv,model=tiny_none,method=baseline_kmer_baseline_onehot")
    glob = sweep.printed.split("wandb sync ")[1].split()[0]
    assert {str(path) for path in Path("/").glob(glob.removeprefix("/"))} == {
        str(run.folder) for run in runs
    }


def test_several_classes(sweep: Done) -> None:
    assert len(sweep.folders) == 2
    for number, folder in enumerate(sweep.folders):
        run, saved = sweep.run(number), predictions(folder)
        assert run.tags == ["csv", folder.parts[-2]]
        scores = np.stack([saved[f"score_{c}"] for c in range(3)], axis=1)
        expected = sk.confusion_matrix(saved["label"], scores.argmax(axis=1), labels=range(3))
        assert (counts(run, "test/confusion_matrix") == expected).all()
        for c, name in enumerate(("low", "middle", "high")):
            positive = saved["label"] == c
            assert areas(run, "test", name) == pytest.approx(
                (
                    sk.roc_auc_score(positive, scores[:, c]),
                    sk.average_precision_score(positive, scores[:, c]),
                )
            )
        columns, rows = run.table("test/predictions")
        assert columns[4:] == ["score low", "score middle", "score high"]
        np.testing.assert_allclose([row[4:] for row in rows], scores, rtol=1e-9)


def test_several_labels_have_a_table(
    train: Train, promoter_files: list[str], tmp_path: Path
) -> None:
    task = gc_task(
        tmp_path / "labels", promoter_files, ["a", "b"], "task.kind=multilabel", "task.outputs=2"
    )
    done = train(*task, *BASELINE, "method=baseline_kmer", out="labels")
    run, (folder,) = done.run(), done.folders
    columns, rows = run.table("label_scores")
    expected = read_label_table(folder / "label_scores.csv")
    assert [dict(zip(columns, row, strict=True)) for row in rows] == [vars(s) for s in expected]
    _, shown = run.table("test/auroc_by_label_table")
    assert shown == [[s.label, s.auroc] for s in expected if s.split == "test"]
    assert run.charts["test/auroc_by_label"]["panelDefId"] == "wandb/histogram/v0"
    saved = predictions(folder)
    columns, rows = run.table("test/predictions")
    assert columns == ["row", "labels", "predicted", "wrong", "score a", "score b"]
    assert len(rows) == len(saved["row"])
    for row, labels, predicted, wrong, *scores in rows:
        of_row = [[name in text.split(", ") for name in "ab"] for text in (labels, predicted)]
        assert of_row[0] == [saved[f"label_{j}"][row] == 1 for j in range(2)]
        assert of_row[1] == [saved[f"score_{j}"][row] > 0.5 for j in range(2)]
        assert wrong == sum(a != b for a, b in zip(*of_row, strict=True))
        assert scores == pytest.approx([saved[f"score_{j}"][row] for j in range(2)], abs=1e-12)


def test_numbers_are_plotted_in_their_unit(
    train: Train, promoter_files: list[str], tmp_path: Path
) -> None:
    task = gc_task(
        tmp_path / "numbers", promoter_files, ["y"],
        "task.kind=regression", "task.standardise_targets=true",
    )  # fmt: skip
    done = train(*task, *BASELINE, "method=baseline_kmer", "logger.table_rows=10", out="numbers")
    run, (folder,) = done.run(), done.folders
    saved = predictions(folder)
    columns, rows = run.table("test/predicted_against_measured_table")
    assert columns == ["row", "measured", "predicted"]
    assert len(rows) == 10
    for row, measured, predicted in rows:
        assert measured == pytest.approx(saved["label_original"][row])
        assert predicted == pytest.approx(saved["score_original"][row])
    assert run.charts["dev/predicted_against_measured"]["panelDefId"] == "wandb/scatter/v0"
    assert "W&B: 10 of 48 test rows plotted (logger.table_rows)" in done.printed


def test_a_dashboard_that_fails_costs_no_result(
    train: Train, promoter_files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("wandb.sdk.wandb_run.Run.log", fail)
    done = train(*promoter_files, *BASELINE, "method=baseline_onehot", out="full")
    assert done.status == 0
    assert len(done.folders) == 1
    said = "W&B has no charts of test (OSError: No space left on device); the run folder has all"
    assert said in done.printed


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("logger.table_rows=10001", "logger: table_rows must be 0 to 10,000, got 10001"),
        ("logger.mode=sometimes", "logger.mode"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_done(
    setting: str,
    message: str,
    train: Train,
    promoter_files: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = train(*promoter_files, *BASELINE, "method=baseline_kmer", setting, out="wrong")
    assert (done.status, done.folders) == (2, [])
    assert message in capsys.readouterr().err


def test_where_it_goes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import socket

    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def mode(**environment: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            wandb.teardown()
            found = find_mode()
        wandb.teardown()
        return found

    with socket.create_server(("127.0.0.1", 0)) as server:
        here = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert mode(WANDB_BASE_URL=here) == "offline"
        assert mode(WANDB_BASE_URL=here, WANDB_API_KEY="0" * 40) == "online"
    assert mode(WANDB_BASE_URL=here, WANDB_API_KEY="0" * 40) == "offline"
    stated = {"dryrun": "offline", "run": "online", "disabled": "disabled"}
    assert {name: mode(WANDB_MODE=name) for name in stated} == stated

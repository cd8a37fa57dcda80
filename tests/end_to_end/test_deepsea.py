"""DeepSEA from its files to a fine-tuned model, its table of labels and a comparison of runs."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import average_precision_score, roc_auc_score

from deepsea_files import LABELS, write_published
from dnaft.data_tools import main as data_main
from small_runs import SMALL_BERT, Command, result

MARKS = 16  # of the 104: each takes its time in every score
NAMES = [f"cell {i}|H3K4me3|None" for i in range(LABELS)]


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("deepsea")
    write_published(folder, windows=8, hdf5=False)
    (folder / "names").write_text("\n".join(NAMES))
    typed = ["prepare", "deepsea", f"src={folder}", f"names={folder / 'names'}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DNAFT_DATA_DIR", str(folder / "data"))
        (folder / "data").mkdir()
        patch.setattr(sys, "argv", ["dnaft.data", *typed])
        data_main()
    some = [f"task.source.label_range=[815,{815 + MARKS}]", f"task.outputs={MARKS}"]
    return ["task=deepsea_histone", "task.rows=null", *some, f"data_dir={folder / 'data'}"]


QUICK = [*SMALL_BERT, "method=linear_probe", "trainer.max_epochs=1", "tokenizer=kmer_3"]
QUICK += ["model.max_tokens=1024", "model.architecture.max_position_embeddings=1024"]


def test_runs_leave_tables_of_labels_that_can_be_compared(train: Command, task: list[str]) -> None:
    both = ["loss.class_weights=balanced", "data.eval_reverse_complement=true"]
    runs = [train(*QUICK, *both, task=task), train(*QUICK, "seed=2", task=task)]
    check_table(runs[0])
    found = result(runs[0])
    assert found["chosen"]["metric"] == "auroc"
    assert found["data"]["counts"]["train"]["strand_pairs"] == 8
    assert len(found["training"]["class_weights"]) == MARKS
    check_correlation(runs)


def check_table(folder: Path) -> None:
    """The areas are those of the predictions, and their means the scores of the run."""
    with (folder / "label_scores.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == NAMES[815 : 815 + MARKS] * 2
    frame = pq.read_table(folder / "test_predictions.parquet").to_pydict()
    areas = []
    for j, line in enumerate(lines[MARKS:]):
        assert (line["split"], line["label"]) == ("test", str(j))
        labels = frame[f"label_{j}"]
        assert (line["rows"], line["positives"]) == ("12", str(int(sum(labels))))
        if len(set(labels)) == 1:
            assert line["auroc"] == line["auprc"] == ""
            continue
        columns = labels, frame[f"score_{j}"]
        areas.append((roc_auc_score(*columns), average_precision_score(*columns)))
        expected = pytest.approx(areas[-1], abs=1e-6)
        assert (float(line["auroc"]), float(line["auprc"])) == expected
    scores = result(folder)["scores"]["test"]
    assert (scores["auroc"], scores["auprc"]) == pytest.approx(np.mean(areas, axis=0), abs=1e-6)
    assert scores["n_labels_scored"] == len(areas) < MARKS


def check_correlation(runs: list[Path]) -> None:
    """The command prints what SciPy finds."""
    command = [sys.executable, "-m", "dnaft.label_correlation"]
    done = subprocess.run([*command, *map(str, runs)], capture_output=True, text=True, check=True)
    areas = []
    for run in runs:
        with (run / "label_scores.csv").open() as file:
            lines = csv.DictReader(file)
            areas.append([float(x["auroc"]) for x in lines if x["split"] == "test" and x["auroc"]])
    first, *rows = done.stdout.splitlines()
    assert f"auroc over {len(areas[0])} labels of deepsea_histone, test; " in first
    assert f"{MARKS - len(areas[0])} without an area left out" in first
    expected = pearsonr(*areas).statistic
    assert rows[0].split()[1:3] == ["1.0000", f"{expected:.4f}"]
    assert rows[1].split()[1:3] == [f"{expected:.4f}", "1.0000"]
    wrong = subprocess.run([*command, str(runs[0])], capture_output=True, text=True, check=False)
    message = "error: 1 run folders; give two or more to compare\n"
    assert (wrong.returncode, wrong.stderr) == (2, message)


def test_a_baseline_has_the_table_too(train: Command, task: list[str]) -> None:
    """Of two labels: each label is a fit."""
    labels = ["task.source.label_range=[817,819]", "task.outputs=2"]
    features = ["method.baseline.features.k=2", "method.baseline.penalties=[10000]"]
    folder = train("method=baseline_kmer", *features, *labels, task=task)
    with (folder / "label_scores.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == NAMES[817:819] * 2
    scores = [float(line["auroc"]) for line in lines if line["split"] == "test" and line["auroc"]]
    assert result(folder)["scores"]["test"]["auroc"] == pytest.approx(np.mean(scores))

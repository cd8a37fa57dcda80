"""The file of predictions gives back every score."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn import metrics as sk

from dnaft.metrics import build_metrics, to_floats, to_scores
from dnaft.predictions import write_predictions


def test_binary_scores_from_the_file(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (200,), generator=generator).float()
    logits = torch.randn(200, generator=generator) * 30 + labels
    collection = build_metrics("binary", 1)
    collection.update(logits, labels)
    found = to_floats(collection.compute())

    path = tmp_path / "run" / "predictions.parquet"
    write_predictions(path, to_scores("binary", logits), labels)
    content = pq.read_table(path)
    assert content.column_names == ["row", "label", "score"]
    assert [str(kind) for kind in content.schema.types] == ["int64", "double", "double"]
    frame = content.to_pydict()
    assert frame["row"] == list(range(200))
    decided = np.array(frame["score"]) > 0.5
    again = {
        "mcc": sk.matthews_corrcoef(frame["label"], decided),
        "auroc": sk.roc_auc_score(frame["label"], frame["score"]),
        "auprc": sk.average_precision_score(frame["label"], frame["score"]),
        "accuracy": sk.accuracy_score(frame["label"], decided),
        "f1_macro": sk.f1_score(frame["label"], decided, average="macro"),
    }
    assert again == pytest.approx(found, abs=1e-6)
    assert [item.name for item in path.parent.iterdir()] == ["predictions.parquet"]


def test_multiclass_scores_from_the_file(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(90) % 3
    logits = torch.randn(90, 3, generator=generator)
    collection = build_metrics("multiclass", 3)
    collection.update(logits, labels)
    path = tmp_path / "p.parquet"
    write_predictions(path, to_scores("multiclass", logits), labels, range(90, 180))
    assert pq.read_schema(path).field("label").type == "int64"
    frame = pq.read_table(path).to_pydict()
    assert list(frame) == ["row", "label", "score_0", "score_1", "score_2"]
    assert frame["row"][0] == 90
    scores = np.stack([frame[f"score_{c}"] for c in range(3)], axis=1)
    found = to_floats(collection.compute())
    assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(frame["label"], scores.argmax(1)))
    area = sk.roc_auc_score(frame["label"], scores, multi_class="ovr", average="macro")
    assert found["auroc"] == pytest.approx(area, abs=1e-6)


def test_several_targets(tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(3, 2) + 0.5
    write_predictions(tmp_path / "p.parquet", values / 3, values)
    frame = pq.read_table(tmp_path / "p.parquet").to_pydict()
    assert list(frame) == ["row", "label_0", "label_1", "score_0", "score_1"]
    assert frame["label_1"] == [1.5, 3.5, 5.5]
    assert frame["score_1"] == [1.5 / 3, 3.5 / 3, 5.5 / 3]


def test_no_rows_and_wrong_rows(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", [], [])
    assert pq.read_table(tmp_path / "p.parquet").column_names == ["row", "label", "score"]
    with pytest.raises(ValueError, match="2 row numbers, 2 labels and 3 scores"):
        write_predictions(tmp_path / "p.parquet", [0.1, 0.2, 0.3], [0, 1])

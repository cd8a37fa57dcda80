"""Targets of a regression in two units, against scikit-learn and SciPy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from dnaft.data.splits import Splits, load_splits
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError

RNG = np.random.default_rng(3)
VALUES = {
    "train": np.exp(RNG.normal(2, 1, (40, 2))).round(4),
    "dev": np.exp(RNG.normal(2, 1, (15, 2))).round(4),
    "test": np.exp(RNG.normal(2, 2, (25, 2))).round(4),
}


def dna(number: int) -> str:
    return "".join("ACGT"[number // 4**i % 4] for i in range(8))


@pytest.fixture
def load(tmp_path: Path) -> Any:
    files = {}
    for start, (split, values) in zip((0, 100, 200), VALUES.items(), strict=True):
        rows = [f"{dna(start + i)},{a},{b}" for i, (a, b) in enumerate(values)]
        (tmp_path / f"{split}.csv").write_text("\n".join(["sequence,a,b", *rows]))
        files[split] = str(tmp_path / f"{split}.csv")

    def make(outputs: int = 2, **rules: Any) -> Splits:
        columns = ("a", "b")[:outputs]
        source = TableFiles(**files, label_columns=columns)
        return load_splits(Task("mine", "regression", source, outputs=outputs, **rules), "")

    return make


def test_nothing_is_done_by_default(load: Any) -> None:
    splits = load()
    assert splits.targets is None
    assert splits.summary["targets"] == {}
    for split, values in VALUES.items():
        np.testing.assert_array_equal(splits.tables[split].labels, values)


def test_standardised_by_train_alone(load: Any) -> None:
    splits = load(log_targets=True, clip_targets=(1.0, 50.0), standardise_targets=True)
    steps = {split: np.log(v.clip(1, 50)) for split, v in VALUES.items()}
    scaler = StandardScaler().fit(steps["train"])
    for split, values in steps.items():
        np.testing.assert_allclose(splits.tables[split].labels, scaler.transform(values))
    told = splits.summary["targets"]
    assert (told["logarithm"], told["clip"]) == (True, [1.0, 50.0])
    np.testing.assert_allclose(told["mean"], scaler.mean_)
    np.testing.assert_allclose(told["spread"], scaler.scale_)
    outside = {s: int(((v < 1) | (v > 50)).sum()) for s, v in VALUES.items()}
    assert told["clipped"] == outside
    assert outside["test"] > 0


def test_one_target_keeps_one_axis(load: Any) -> None:
    splits = load(outputs=1, standardise_targets=True)
    labels = splits.tables["train"].labels
    assert labels.shape == (40,)
    assert labels.mean() == pytest.approx(0, abs=1e-12)
    assert labels.std() == pytest.approx(1)
    assert splits.tables["dev"].labels.std() != pytest.approx(1)


@pytest.mark.parametrize("outputs", [1, 2])
def test_scores_in_the_unit_of_the_file(load: Any, outputs: int) -> None:
    splits = load(
        outputs=outputs, log_targets=True, clip_targets=(1.0, 50.0), standardise_targets=True
    )
    original = VALUES["test"][:, :outputs]
    trained = np.asarray(splits.tables["test"].labels).reshape(25, outputs)
    predicted = trained + RNG.normal(0, 0.5, trained.shape)
    scaler = StandardScaler().fit(np.log(VALUES["train"][:, :outputs].clip(1, 50)))
    back = np.exp(scaler.inverse_transform(predicted))
    found = splits.targets.scores("test", torch.from_numpy(predicted))
    columns = list(zip(original.T, back.T, strict=True))
    expected = {
        "r2_original": np.mean([r2_score(y, p) for y, p in columns]),
        "pearson_r2_original": np.mean([stats.pearsonr(y, p)[0] ** 2 for y, p in columns]),
        "spearman_original": np.mean([stats.spearmanr(y, p)[0] for y, p in columns]),
    }
    assert found == pytest.approx(expected, abs=1e-6)
    values, labels = splits.targets.predictions("test", torch.from_numpy(predicted))
    np.testing.assert_allclose(values.reshape(25, outputs), back)
    np.testing.assert_array_equal(labels.reshape(25, outputs), original)


def test_leaks_are_gone_before_the_mean_is_taken(tmp_path: Path) -> None:
    texts = {
        "train": "sequence,label\nAAAA,1\nACCC,3\nCCGG,1000\n",
        "dev": "sequence,label\nCCGG,5\nATAT,6\n",
        "test": "sequence,label\nGTGT,7\nGGGA,8\n",
    }
    for split, text in texts.items():
        (tmp_path / f"{split}.csv").write_text(text)
    source = TableFiles(**{split: str(tmp_path / f"{split}.csv") for split in texts})
    task = Task("mine", "regression", source, drop_leaks=True, standardise_targets=True)
    assert load_splits(task, "").summary["targets"]["mean"] == [2.0]


def test_what_has_no_logarithm_is_refused(tmp_path: Path) -> None:
    for split, value in {"train": 2, "dev": 0.0, "test": 3}.items():
        (tmp_path / f"{split}.csv").write_text(f"sequence,label\nACGT,1\nACCC,{value}\n")
    source = TableFiles(**{s: str(tmp_path / f"{s}.csv") for s in ("train", "dev", "test")})
    task = Task("mine", "regression", source, log_targets=True)
    with pytest.raises(InputError, match=r"dev\.csv line 3: target 0\.0 has no logarithm; clip"):
        load_splits(task, "")
    clipped = Task("mine", "regression", source, log_targets=True, clip_targets=(0.5, 9.0))
    labels = load_splits(clipped, "").tables["dev"].labels
    np.testing.assert_allclose(np.asarray(labels, float), [0, np.log(0.5)])
    same = Task("mine", "regression", source, clip_targets=(5.0, 9.0))
    with pytest.raises(InputError, match=r"clipped to \[5\.0, 9\.0\], a target is the same"):
        load_splits(same, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "binary", "log_targets": True}, "are for numbers; a binary task has none"),
        ({"clip_targets": (2.0, 1.0)}, r"clip_targets must rise, got \[2\.0, 1\.0\]"),
        ({"clip_targets": (0.0, 1.0), "log_targets": True}, "must begin above 0"),
    ],
)
def test_wrong_settings_are_refused(options: dict[str, Any], message: str) -> None:
    source = TableFiles("a.csv", "b.csv", "c.csv")
    with pytest.raises(ValueError, match=message):
        Task(**({"name": "mine", "kind": "regression", "source": source} | options))

"""Areas label by label, and how they go together between runs."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.metrics import average_precision_score, roc_auc_score

from dnaft.errors import InputError
from dnaft.label_correlation import correlate_labels
from dnaft.label_scores import score_labels
from dnaft.label_table import LabelScore, read_label_table, write_label_table
from dnaft.metrics import score


def some_split(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.rand(300, 6, generator=generator) < 0.3).float()
    labels[:, 2], labels[:, 4] = 0, 1
    return torch.randn(300, 6, generator=generator) + labels, labels


def test_areas_are_those_of_scikit_learn_and_their_means_the_macro_scores() -> None:
    logits, labels = some_split(0)
    found = score_labels("test", logits, labels, [f"mark {j}" for j in range(6)])
    for j, one in enumerate(found):
        assert (one.label, one.name, one.rows) == (j, f"mark {j}", 300)
        assert one.positives == int(labels[:, j].sum())
        if j in (2, 4):
            assert math.isnan(one.auroc)
            assert math.isnan(one.auprc)
            continue
        column = labels[:, j].numpy(), logits[:, j].double().numpy()
        assert one.auroc == pytest.approx(roc_auc_score(*column), abs=1e-6)
        assert one.auprc == pytest.approx(average_precision_score(*column), abs=1e-6)
    macro = score("multilabel", 6, logits, labels)
    assert macro["n_labels_scored"] == 4
    for name in ("auroc", "auprc"):
        assert macro[name] == pytest.approx(np.nanmean([getattr(one, name) for one in found]))


def test_one_logit_that_is_no_number_undoes_all() -> None:
    logits, labels = some_split(0)
    logits[5, 1] = torch.nan
    assert all(math.isnan(one.auroc) for one in score_labels("dev", logits, labels))


def test_a_table_reads_back(tmp_path: Path) -> None:
    scores = [s for split in ("dev", "test") for s in score_labels(split, *some_split(1))]
    scores[0] = LabelScore("dev", 0, 'H1|H3K4me3, "a"', 300, 90, 0.1 + 0.2, 1e-9)
    path = tmp_path / "label_scores.csv"
    write_label_table(path, scores)
    assert str(read_label_table(path)) == str(scores)  # nan is not nan
    assert path.read_text().splitlines()[3] == "dev,2,,300,0,,"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no readable table of labels"),
        ("", "line 1: the columns are not split,label"),
        ("a,b\n", "line 1: the columns are not"),
        ("split,label,name,rows,positives,auroc,auprc\ndev,x,,1,1,,\n", "line 2: invalid"),
        ("split,label,name,rows,positives,auroc,auprc\ndev,1\n", "line 2: not enough values"),
    ],
)
def test_other_files_are_no_tables(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_label_table(tmp_path / "t.csv")


def table(areas: list[float], name: str = "") -> list[LabelScore]:
    return [LabelScore("test", j, name, 9, 3, a, a / 2) for j, a in enumerate(areas)]


def test_correlation_is_that_of_scipy_over_labels_that_all_runs_have() -> None:
    nan = math.nan
    areas = [[0.7, nan, 0.8, 0.55, 0.9], [0.6, 0.5, 0.85, 0.5, nan], [0.9, 0.5, 0.7, 0.8, 0.6]]
    matrix, kept, left_out = correlate_labels([table(a) for a in areas])
    assert (kept, left_out) == (3, 2)
    shared = [[row[j] for j in (0, 2, 3)] for row in areas]
    expected = [[pearsonr(a, b).statistic for b in shared] for a in shared]
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    halves = correlate_labels([table(a) for a in areas], score="auprc")[0]
    np.testing.assert_allclose(halves, expected, atol=1e-12)


def test_areas_that_do_not_vary_have_no_correlation() -> None:
    matrix = correlate_labels([table([0.5, 0.5]), table([0.4, 0.6])])[0]
    assert math.isnan(matrix[0][1])


def test_runs_that_do_not_go_together() -> None:
    with pytest.raises(ValueError, match="different labels"):
        correlate_labels([table([0.5, 0.6]), table([0.5, 0.6, 0.7])])
    with pytest.raises(ValueError, match="different labels"):
        correlate_labels([table([0.5, 0.6], "a"), table([0.5, 0.6], "b")])
    with pytest.raises(ValueError, match="1 labels have an area in all runs"):
        correlate_labels([table([0.5, math.nan]), table([0.5, 0.6])])

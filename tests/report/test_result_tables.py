"""The tables of runs and configurations: rates, edges, spreads, the score that is shown."""

from pathlib import Path
from typing import Any

import pytest

from dnaft.errors import InputError
from dnaft.report.charts import Plot
from dnaft.report.contents import gather
from dnaft.report.marks import EDGE
from dnaft.report.result_tables import best_table, group_table, run_table
from dnaft.report.runs import find_results, read_results
from dnaft.report.setting_figures import by_setting
from report_runs import contents_of, make_run


def test_the_rate_of_each_method_stands_beside_its_scores(tmp_path: Path) -> None:
    make_run(tmp_path, method="lora", lr=3e-3)
    make_run(tmp_path, method="full", lr=2e-5)
    make_run(tmp_path, method="baseline_kmer", lr=None)
    contents = contents_of(tmp_path)
    for table in (best_table(contents), group_table(contents), run_table(contents)):
        at, method = table.head.index("lr"), table.head.index("method")
        assert {row[method].shown: row[at].shown for row in table.rows} == {
            "lora": "0.003",
            "full": "2e-05",
            "baseline_kmer": "",
        }
        assert {row[method].shown: row[at].plain for row in table.rows}["full"] == "2e-05"


def test_long_settings_stand_behind_the_scores(tmp_path: Path) -> None:
    for rank in (2, 8):
        make_run(tmp_path, **{"method.a_setting_with_a_long_name": "x" * 60, "method.rank": rank})
    contents = contents_of(tmp_path)
    assert best_table(contents).head[-1] == group_table(contents).head[-1] == "settings"
    table = run_table(contents)
    assert table.head[-2:] == ("settings", "folder")
    row = dict(zip(table.head, table.rows[0], strict=True))
    assert (row["settings"].shown, row["seed"].shown, row["dev"].shown) == ("rank=2", "1", "0.5000")


@pytest.mark.parametrize(
    ("dev", "said"),
    [
        ((0.6, 0.5, 0.4), "lr=0.0001 (lowest of 3 tried)"),
        ((0.4, 0.5, 0.6), "lr=0.01 (highest of 3 tried)"),
        ((0.4, 0.6, 0.5), "lr=0.001"),
        ((0.6, 0.5), "lr=0.0001"),
    ],
)
def test_a_choice_at_the_edge_of_what_was_tried_is_marked(
    tmp_path: Path, dev: tuple[float, ...], said: str
) -> None:
    for lr, score in zip((1e-4, 1e-3, 1e-2), dev, strict=False):
        make_run(tmp_path, lr=lr, dev=score)
    contents = contents_of(tmp_path)
    (one,) = contents.best.values()
    assert (EDGE in one.marks) == ("tried" in said)
    table = best_table(contents)
    (row,) = table.rows
    marks = {title: EDGE in cell.marks for title, cell in zip(table.head, row, strict=True)}
    assert marks["lr"] == marks["settings"] == marks["test"] == ("tried" in said)
    settings = row[table.head.index("settings")]
    assert (settings.shown, settings.plain) == (said, said.partition(" ")[0])
    assert all(EDGE not in one.marks for one in contents.groups)


def test_each_setting_has_an_edge_of_its_own(tmp_path: Path) -> None:
    for lr in (1e-4, 1e-3, 1e-2):
        for rank in (2, 8, 32):
            score = 0.9 if (lr, rank) == (1e-3, 32) else 0.5
            make_run(tmp_path, lr=lr, dev=score, **{"method.rank": rank})
    (one,) = contents_of(tmp_path).best.values()
    assert one.edges == {"rank": "highest of 3 tried"}


def test_seeds_of_a_baseline_are_one_deterministic_run(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        make_run(tmp_path, method="baseline_kmer", lr=None, seed=seed, test=0.31)
        make_run(tmp_path, method="lora", seed=seed, test=0.31)
    contents = contents_of(tmp_path)
    table = group_table(contents)
    columns = ("seeds", "dev spread", "test spread", "95% low", "95% high")
    found = {
        row[table.head.index("method")].shown: [row[table.head.index(x)].shown for x in columns]
        for row in table.rows
    }
    assert found == {
        "baseline_kmer": ["1", "deterministic", "deterministic", "-", "-"],
        "lora": ["3", "0.0000", "0.0000", "0.3100", "0.3100"],
    }
    assert not contents.baselines["h3"]["baseline_kmer"].marks


def test_probes_of_pretrained_layers_need_no_seeds(tmp_path: Path) -> None:
    for task, source in (("h3", "someone/dna"), ("h4", None)):
        make_run(tmp_path, task=task, method="layer_probe", **{"model.source": source})
    found = {one.task: one.deterministic for one in contents_of(tmp_path).groups}
    assert found == {"h3": True, "h4": False}


def test_a_baseline_whose_splits_differ_by_seed_has_a_spread(tmp_path: Path) -> None:
    for seed, test in ((1, 0.3), (2, 0.4)):
        make_run(tmp_path, method="baseline_kmer", lr=None, seed=seed, test=test)
    (one,) = contents_of(tmp_path).groups
    assert (one.deterministic, one.test.count) == (False, 2)


def both_scores(mcc: float, auroc: float) -> dict[str, Any]:
    of_both = {"mcc": mcc, "auroc": auroc}
    return {"dev": mcc, "scores": {"dev": of_both, "test": of_both}}


def test_another_score_is_shown_and_the_choice_stays(tmp_path: Path) -> None:
    for lr, mcc, auroc in ((1e-4, 0.5, 0.9), (1e-3, 0.6, 0.8)):
        make_run(tmp_path, lr=lr, **both_scores(mcc, auroc))
    make_run(tmp_path, task="speed", metric="r2")
    runs, _ = read_results(find_results(str(tmp_path)), "auroc")
    contents = gather(runs, [])
    (one,) = contents.of_task("h3")
    assert (one.name, one.metric, one.chooser) == ("lr=0.001", "auroc", "mcc")
    assert (one.test.mean, one.merit) == (0.8, 0.6)
    assert [of.metric for of in contents.of_task("speed")] == ["r2"]  # which has no AUROC
    table = best_table(contents)
    assert "Shown is auroc, dev mcc chose." in table.note
    assert [row[table.head.index("score")].shown for row in table.rows] == ["auroc", "r2"]
    (lr,) = by_setting(contents)
    assert "dev mcc chose" in lr.note
    (plot,) = lr.charts
    assert isinstance(plot, Plot)
    assert plot.y_label == "dev auroc"
    assert [(point.y, point.ringed) for point in plot.series[0].points] == [
        (0.9, False),
        (0.8, True),
    ]


def test_a_score_that_no_run_has_is_refused(tmp_path: Path) -> None:
    make_run(tmp_path, **both_scores(0.5, 0.9))
    with pytest.raises(InputError, match=r"no run has the score auc; did you mean auroc\?"):
        read_results(find_results(str(tmp_path)), "auc")

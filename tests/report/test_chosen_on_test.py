"""Runs whose checkpoint test chose: named so, and no rivals of those that dev chose for."""

from pathlib import Path
from typing import Any

import pytest

from dnaft.report.charts import Plot
from dnaft.report.comparison_tables import over_tasks
from dnaft.report.marks import ON_TEST, ONE_SEED
from dnaft.report.result_tables import best_table
from dnaft.report.score_figures import against_parameters
from dnaft.report.top_two import top_two
from dnaft.report.write import PAGE, write_report
from report_runs import contents_of, make_run

ON_TEST_SET: dict[str, Any] = {
    "chosen": {"step": 9, "metric": "mcc", "value": 0.9, "split": "test"}
}


def test_what_test_chose_for_is_no_rival_of_what_dev_chose_for(tmp_path: Path) -> None:
    make_run(tmp_path, dev=0.5, test=0.4)
    make_run(tmp_path, dev=0.9, test=0.9, **ON_TEST_SET)
    contents = contents_of(tmp_path)
    assert [(one.method, one.marks) for one in contents.groups] == [
        ("lora", {ONE_SEED}),
        ("lora (chosen on test)", {ONE_SEED, ON_TEST}),
    ]
    ((cell, one),) = contents.best.items()
    assert (cell, one.test.mean) == (("h3", "tiny", "lora"), 0.4)


def test_what_only_test_chose_for_has_a_name_of_its_own_and_wins_nothing(tmp_path: Path) -> None:
    for task in ("h3", "h4", "h4ac"):
        for method, score in (("full", 0.5), ("ia3", 0.4), ("bitfit", 0.3)):
            make_run(tmp_path, task=task, method=method, dev=score, test=score)
        make_run(tmp_path, task=task, dev=0.9, test=0.9, **ON_TEST_SET)
    contents = contents_of(tmp_path)
    assert ("h3", "tiny", "lora (chosen on test)") in contents.best
    table = best_table(contents)
    at = table.head.index("test")
    assert {row[2].shown for row in table.rows if row[at].strong} == {"full"}
    (plot,) = (chart for chart in against_parameters(contents).charts if chart.title == "h3")
    assert isinstance(plot, Plot)
    assert plot.front == ((1000, 0.5),)
    (top,) = top_two(contents).charts
    assert isinstance(top, Plot)
    assert top.categories == ("bitfit", "full", "ia3")
    compared = {cell.shown for row in over_tasks(contents).rows for cell in row[2:4]}
    assert compared == {"full", "ia3", "bitfit"}


def test_runs_that_test_chose_for_may_be_compared_with_each_other(tmp_path: Path) -> None:
    for method, score in (("lora", 0.9), ("full", 0.8)):
        for task in ("h3", "h4"):
            make_run(tmp_path, task=task, method=method, dev=score, test=score, **ON_TEST_SET)
            make_run(tmp_path, task=task, method="baseline_kmer", lr=None, dev=0.2, test=0.2)
    (row,) = over_tasks(contents_of(tmp_path)).rows
    assert [cell.shown for cell in row[2:4]] == ["full (chosen on test)", "lora (chosen on test)"]


@pytest.mark.parametrize(
    ("others", "says", "says_not"),
    [
        ([{}], ["chosen by the dev split alone, never by test scores"], ["too good", "not chosen"]),
        ([ON_TEST_SET], ["The checkpoints of 1 of 2 runs were chosen on test (X)"], ["alone"]),
        (
            [{"chosen": {"step": 9, "metric": "mcc", "value": 0.1}}],
            ["The checkpoints of 1 of 2 runs were not chosen by dev (C)"],
            ["alone", "too good"],
        ),
    ],
)
def test_the_page_says_who_chose(
    tmp_path: Path, others: list[dict[str, Any]], says: list[str], says_not: list[str]
) -> None:
    make_run(tmp_path / "runs")
    for other in others:
        make_run(tmp_path / "runs", method="full", **other)
    write_report(contents_of(tmp_path / "runs"), tmp_path / "out", images=False)
    first = (tmp_path / "out" / PAGE).read_text().partition('<p class="soft">')[2].partition("</p>")
    assert all(said in first[0] for said in says)
    assert not any(said in first[0] for said in says_not)

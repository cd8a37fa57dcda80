"""Which runs belong together, what dev chooses, and which numbers carry a warning."""

import math
from pathlib import Path
from typing import Any

import pytest

from dnaft.errors import InputError
from dnaft.report.marks import CODE, CUT, FEWER, LEAK, NOT_BY_DEV, ONE_SEED, REPEATED
from dnaft.report.published_table import published_table
from dnaft.report.runs import find_results, read_results
from report_runs import contents_of, make_run


def test_dev_chooses_and_test_does_not(tmp_path: Path) -> None:
    for lr, dev, test in ((1e-4, 0.5, 0.9), (1e-3, 0.6, 0.1), (1e-2, 0.55, 0.95)):
        make_run(tmp_path, lr=lr, dev=dev, test=test)
    (one,) = contents_of(tmp_path).best.values()
    assert (one.name, one.test.mean) == ("lr=0.001", 0.1)


def test_settings_are_chosen_by_the_mean_over_seeds(tmp_path: Path) -> None:
    for seed, low, high in ((1, 0.9, 0.7), (2, 0.1, 0.7)):
        make_run(tmp_path, lr=1e-4, seed=seed, dev=low)
        make_run(tmp_path, lr=1e-3, seed=seed, dev=high)
    contents = contents_of(tmp_path)
    assert len(contents.groups) == 2
    (one,) = contents.best.values()
    assert (one.name, one.dev.mean, one.dev.count) == ("lr=0.001", pytest.approx(0.7), 2)


def test_a_run_without_a_dev_score_is_never_chosen(tmp_path: Path) -> None:
    make_run(tmp_path, lr=1e-4, dev=math.nan, test=0.99)
    make_run(tmp_path, lr=1e-3, dev=-0.2, test=0.0)
    (one,) = contents_of(tmp_path).best.values()
    assert one.name == "lr=0.001"


def test_a_rank_that_stands_in_two_places_is_named_once(tmp_path: Path) -> None:
    for rank in (2, 8):
        keys: dict[str, Any] = {"method.rank": rank, "method.inject.rank": rank}
        make_run(tmp_path, **keys)
    contents = contents_of(tmp_path)
    assert sorted(one.name for one in contents.groups) == ["rank=2", "rank=8"]


def test_random_weights_are_another_model_and_dev_does_not_choose_between_them(
    tmp_path: Path,
) -> None:
    for source, dev in ((None, 0.5), ("package:tiny", 0.8)):
        make_run(tmp_path, dev=dev, **{"model.source": source})
    assert contents_of(tmp_path).models == ["tiny", "tiny (random weights)"]


def test_other_data_are_another_task(tmp_path: Path) -> None:
    for drop in (True, False):
        make_run(tmp_path, **{"task.drop_leaks": drop})
    assert contents_of(tmp_path).tasks == ["h3 (drop_leaks=false)", "h3 (drop_leaks=true)"]


def test_runs_chosen_by_another_score_are_another_task(tmp_path: Path) -> None:
    make_run(tmp_path, metric="mcc")
    make_run(tmp_path, metric="auroc", seed=2)
    assert contents_of(tmp_path).tasks == ["h3 [auroc]", "h3 [mcc]"]


def test_where_a_run_ran_does_not_tell_it_from_others(tmp_path: Path) -> None:
    make_run(tmp_path / "a", seed=1, **{"trainer.accelerator": "cpu", "data.data_dir": "x"})
    make_run(tmp_path / "b", seed=2, **{"trainer.accelerator": "gpu", "data.data_dir": "y"})
    make_run(tmp_path / "c", seed=3, **{"data.a_key_of_a_later_version": 1})
    (one,) = contents_of(tmp_path).groups
    assert one.dev.count == 3


def test_baselines_are_no_methods_and_dev_chooses_among_their_settings(tmp_path: Path) -> None:
    make_run(tmp_path)
    for k, dev, test in ((4, 0.3, 0.9), (6, 0.5, 0.2)):
        make_run(tmp_path, method="baseline_kmer", lr=None, dev=dev, test=test, **{"data.k": k})
    contents = contents_of(tmp_path)
    assert [method for _, _, method in contents.best] == ["lora"]
    (level,) = contents.levels("h3")
    assert (level.name, level.y) == ("baseline_kmer", 0.2)


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({"data": {"leaks": {"train/test": {"exact": 0, "rc": 2}}}}, LEAK),
        ({"data": {"truncation": {"dev": {"sequences": 1}}}}, CUT),
        ({"chosen": {"step": 100, "metric": "mcc", "value": 0.1}}, NOT_BY_DEV),
        ({"chosen": {"step": 100, "metric": "mcc", "value": None}}, NOT_BY_DEV),
        (
            {"chosen": {"step": 3, "metric": "mcc", "value": 0.5, "by_score": False}},
            NOT_BY_DEV,
        ),
    ],
)
def test_a_flaw_of_one_run_marks_the_mean(
    tmp_path: Path, changes: dict[str, Any], mark: str
) -> None:
    make_run(tmp_path, seed=1, **changes)
    make_run(tmp_path, seed=2)
    contents = contents_of(tmp_path)
    (one,) = contents.groups
    assert one.marks == {mark}
    assert [run.marks for run in contents.runs] == [{mark}, set()]


@pytest.mark.parametrize(("pair", "marks"), [("train/test", set()), ("dev/test", {LEAK})])
def test_leaks_that_were_dropped_from_train_are_none(
    tmp_path: Path, pair: str, marks: set[str]
) -> None:
    make_run(tmp_path, data={"leaks": {pair: {"exact": 3, "rc": 0}}}, **{"task.drop_leaks": True})
    (run,) = contents_of(tmp_path).runs
    assert run.marks == marks


def test_clean_runs_of_two_seeds_have_no_mark(tmp_path: Path) -> None:
    for seed in (1, 2):
        make_run(tmp_path, seed=seed)
    (one,) = contents_of(tmp_path).groups
    assert one.marks == set()


def test_a_seed_that_ran_twice_counts_once(tmp_path: Path) -> None:
    make_run(tmp_path, seed=1, test=0.2)
    make_run(tmp_path, seed=1, test=0.4, code_version="0.2.0")
    make_run(tmp_path, seed=2, test=0.6)
    (one,) = contents_of(tmp_path).groups
    assert one.test.count == 2
    assert one.test.mean == pytest.approx((0.3 + 0.6) / 2)
    assert one.marks == {REPEATED, CODE}


def test_one_seed_is_marked(tmp_path: Path) -> None:
    make_run(tmp_path)
    (one,) = contents_of(tmp_path).groups
    assert one.marks == {ONE_SEED}


def test_damaged_records_are_skipped_and_named(tmp_path: Path) -> None:
    make_run(tmp_path)
    broken = {
        "cut": '{"schema_version": 1, "task": "h3", ',
        "other": '{"accuracy": 1}',
        "list": "[]",
    }
    for name, content in broken.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(content)
    make_run(tmp_path / "text", scores={"dev": {"mcc": "high"}, "test": {"mcc": 0.1}})
    runs, problems = read_results(find_results(str(tmp_path)))
    assert len(runs) == 1
    assert len(problems) == 4
    for name in (*broken, "text"):
        assert sum(str(tmp_path / name) in problem for problem in problems) == 1
    assert any("scores.dev.mcc is 'high', no number" in problem for problem in problems)


def test_only_damaged_records_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{")
    with pytest.raises(InputError, match=r"no result\.json can be read: .*result\.json"):
        read_results(find_results(str(tmp_path)))


def test_folders_without_runs_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "h3").mkdir()
    with pytest.raises(InputError, match=r"no result\.json lies in or below"):
        find_results(str(tmp_path))
    with pytest.raises(InputError, match="there is no folder"):
        find_results(str(tmp_path / "h4"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file; give a folder"):
        find_results(str(tmp_path / "file"))


def test_patterns_name_several_folders(tmp_path: Path) -> None:
    for task in ("h3", "h3k9ac", "prom_tata"):
        make_run(tmp_path, task=task)
    found = find_results(str(tmp_path / "h3*"))
    assert [file.relative_to(tmp_path).parts[0] for file in found] == ["h3", "h3k9ac"]


@pytest.mark.parametrize(
    ("changes", "measured"),
    [
        ({}, {"": "0.5000", "BBPE": "0.5000"}),
        ({"model.source": None}, {}),
        ({"tokenizer._target_": "a.CharacterTokenizer"}, {"one-hot": "0.5000"}),
    ],
)
def test_measured_is_what_the_paper_ran(
    tmp_path: Path, changes: dict[str, Any], measured: dict[str, str]
) -> None:
    made = {"task": "prom_tata", "model": "opt_125m", "method": "lingo", "metric": "auroc"}
    make_run(tmp_path, **made, test=0.5, **changes)
    table = published_table(contents_of(tmp_path))
    column, variant = table.head.index("measured"), table.head.index("variant")
    rows = [row for row in table.rows if row[column].shown != "-"]
    assert {row[variant].shown: row[column].shown for row in rows} == measured
    assert all([cell.shown for cell in row[:3]] == list(made.values())[:3] for row in rows)


def test_the_best_of_many_settings_with_a_seed_each_is_not_taken_for_the_best(
    tmp_path: Path,
) -> None:
    for seed in (1, 2, 3):
        make_run(tmp_path, lr=1e-3, seed=seed, dev=0.70)
    make_run(tmp_path, lr=1e-2, dev=0.68)
    (one,) = contents_of(tmp_path).best.values()
    assert (one.lr, FEWER in one.marks) == (1e-3, False)
    make_run(tmp_path, lr=1e-4, dev=0.75)
    (one,) = contents_of(tmp_path).best.values()
    assert (one.lr, one.dev.count, FEWER in one.marks) == (1e-3, 3, True)
    for seed in (2, 3):
        make_run(tmp_path, lr=1e-4, seed=seed, dev=0.74)
    (one,) = contents_of(tmp_path).best.values()
    assert (one.lr, FEWER in one.marks) == (1e-4, False)

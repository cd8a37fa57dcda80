"""What the charts show of invented runs, by pencil."""

from pathlib import Path

import pytest
from scipy.stats import pearsonr

from dnaft.report.charts import Heat, Plot, Radar, Rows
from dnaft.report.families import MARKS
from dnaft.report.label_figures import label_figures
from dnaft.report.run_figures import layer_curves, rank_maps, thinned, training_curves
from dnaft.report.score_figures import against_parameters, by_method
from dnaft.report.setting_figures import by_setting, run_times, trainable_shares
from dnaft.report.svg_forms import draw
from dnaft.report.task_figures import averages, radars
from dnaft.report.top_two import top_two
from report_runs import contents_of, make_run, only, write_labels, write_metrics, write_ranks


def values(plot: Plot) -> dict[str, list[tuple[float, float]]]:
    return {one.name: [(point.x, point.y) for point in one.points] for one in plot.series}


def test_curves_are_means_over_seeds_at_the_steps_of_all(tmp_path: Path) -> None:
    for seed, dev in ((1, {20: 0.1, 40: 0.3}), (2, {20: 0.2})):
        run = make_run(tmp_path, seed=seed)
        write_metrics(run, [seed, 2 * seed, 3 * seed, 4 * seed], dev, "mcc")
    loss, compute = training_curves(contents_of(tmp_path))
    assert values(only(loss)) == {"lora": [(10, 1.5), (20, 3), (30, 4.5), (40, 6)]}
    assert values(only(compute)) == {"lora": [(20, pytest.approx(0.15))]}


def test_a_step_counts_by_its_cost(tmp_path: Path) -> None:
    for method, cost, read in (("lora", 2e9, 0), ("full", 4e9, 0), ("linear_probe", 1e9, 8e9)):
        run = make_run(
            tmp_path, method=method, flops={"per_step": cost, "read": read, "total": cost}
        )
        write_metrics(run, [1, 1], {20: 0.5}, "mcc")
    found = values(only(training_curves(contents_of(tmp_path))[1]))
    assert found == {
        "lora": [(20 / 2, 0.5)],
        "full": [(20, 0.5)],
        "linear_probe": [(2 + 20 / 4, 0.5)],
    }


def test_lines_that_a_crash_cut_short_are_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    write_metrics(run, [1, 2], {}, "mcc")
    with (run / "metrics.csv").open("a") as file:
        file.write("29,0.")
    found = values(only(training_curves(contents_of(tmp_path))[0]))
    assert found == {"lora": [(10, 1), (20, 2)]}


def test_long_curves_become_means_of_neighbours() -> None:
    found = thinned([(float(at), float(at % 2)) for at in range(240)])
    assert len(found) == 120
    assert found[:2] == [(0.5, 0.5), (2.5, 0.5)]


def test_settings_are_shown_by_dev_with_the_best_of_the_others(tmp_path: Path) -> None:
    dev = {(1e-3, 2): 0.3, (1e-3, 8): 0.4, (1e-2, 2): 0.5, (1e-2, 8): 0.2}
    for (lr, rank), score in dev.items():
        make_run(tmp_path, lr=lr, dev=score, test=1 - score, **{"method.rank": rank})
    by_lr, by_rank = map(only, by_setting(contents_of(tmp_path)))
    assert (by_lr.x_label, by_rank.x_label) == ("lr", "rank")
    assert by_lr.x_log
    assert values(by_lr) == {"lora": [(1e-3, 0.4), (1e-2, 0.5)]}
    assert values(by_rank) == {"lora": [(2, 0.5), (8, 0.4)]}
    assert [point.ringed for point in by_rank.series[0].points] == [True, False]
    assert by_rank.y_label == "dev mcc"


def test_scores_of_a_task_with_spread_front_and_baseline(tmp_path: Path) -> None:
    sizes = {"ia3": (10, 0.5), "lora": (100, 0.4), "full": (1000, 0.8)}
    for method, (size, score) in sizes.items():
        for seed, shift in ((1, -0.1), (2, 0.1)):
            counts = {"trainable": size, "total": 1000, "fraction": size / 1000}
            make_run(
                tmp_path, method=method, seed=seed, test=score + shift, dev=0.5, parameters=counts
            )
    make_run(tmp_path, method="baseline_onehot", lr=None, test=0.3)
    contents = contents_of(tmp_path)
    plot = only(against_parameters(contents))
    assert plot.front == ((10, pytest.approx(0.5)), (1000, pytest.approx(0.8)))
    assert [(level.name, level.y) for level in plot.levels] == [("baseline_onehot", 0.3)]
    (point,) = next(one for one in plot.series if one.name == "lora").points
    # .3 and .5: the standard deviation is .1 sqrt(2).
    assert (point.low, point.high) == pytest.approx((0.4 - 0.02**0.5, 0.4 + 0.02**0.5))
    assert set(values(only(by_method(contents)))) == set(sizes)
    shares = values(only(trainable_shares(contents)))
    # One model: each method has a place of its own.
    assert shares["lora"] == [(2, pytest.approx(10))]
    (times,) = run_times(contents).charts
    assert isinstance(times, Rows)
    assert times.names == ("full", "ia3", "lora")
    assert [(point.x, point.y) for point in times.series[1].points] == [(1, 60)]


def test_figures_over_tasks(tmp_path: Path) -> None:
    for at, task in enumerate(MARKS):
        for method, score in (("full", 0.5), ("lora", 0.4), ("ia3", 0.3)):
            if (task, method) != ("h4", "lora"):
                make_run(tmp_path, task=task, method=method, test=score + 0.01 * at)
    contents = contents_of(tmp_path)
    mean = only(averages(contents))
    assert mean.title == "yeast histone marks"
    found = {one.name: one.points[0] for one in mean.series}
    assert found["full"].y == pytest.approx(0.545)  # .50 to .59
    assert [name for name, point in found.items() if point.partial] == ["lora"]
    top = {one.name: [point.y for point in one.points] for one in only(top_two(contents)).series}
    # On h4 there are two methods only, which says nothing.
    assert top == {"full": [9, 9], "lora": [9, 9], "ia3": [9, 0]}
    (radar,) = radars(contents).charts
    assert isinstance(radar, Radar)
    assert radar.axes == MARKS
    assert {one.name: len(one.points) for one in radar.series} == {"full": 10, "ia3": 10, "lora": 9}


def test_a_baseline_is_a_line_among_the_two_best(tmp_path: Path) -> None:
    # Of full .5, lora .4, ia3 .3 the second is .4: the baseline reaches it on h3 and, tied, on h4.
    baseline = {"h3": 0.6, "h4": 0.4, "h4ac": 0.39}
    for task in ("h3", "h4", "h4ac", "h3k9ac"):
        for method, score in (("full", 0.5), ("lora", 0.4), ("ia3", 0.3)):
            make_run(tmp_path, task=task, method=method, test=score)
        if task in baseline:
            make_run(tmp_path, task=task, method="baseline_kmer", lr=None, test=baseline[task])
    plot = only(top_two(contents_of(tmp_path)))
    (line,) = plot.levels
    assert (line.name, line.y) == ("baseline_kmer", 2)
    assert "baseline_kmer: would be on 2 of 3 tasks" in draw(plot)
    # Methods are counted among themselves.
    assert {one.name: one.points[1].y for one in plot.series} == {"full": 4, "lora": 4, "ia3": 0}


def test_no_baseline_is_a_rival_of_what_test_chose_for(tmp_path: Path) -> None:
    on_test = {"step": 9, "metric": "mcc", "value": 0.9, "split": "test"}
    for method, score in (("full", 0.5), ("lora", 0.4), ("ia3", 0.3)):
        make_run(tmp_path, method=method, test=score, chosen=on_test)
    make_run(tmp_path, method="baseline_kmer", lr=None, test=0.45)
    assert only(top_two(contents_of(tmp_path))).levels == ()


def test_probes_of_layers_have_the_lines_of_both_splits(tmp_path: Path) -> None:
    probe = make_run(tmp_path, method="layer_probe", lr=None)
    head = "layer,state,width,penalty,dev_mcc,test_mcc\n"
    (probe / "layers.csv").write_text(f"{head}0,first,8,1,0.1,0.2\n1,last,8,1,0.3,0.4\n")
    make_run(tmp_path, method="baseline_kmer", lr=None, dev=0.25, test=0.35)
    plot = only(layer_curves(contents_of(tmp_path)))
    assert values(plot) == {"dev": [(0, 0.1), (1, 0.3)], "test": [(0, 0.2), (1, 0.4)]}
    assert {line.name: line.y for line in plot.levels} == {
        "baseline_kmer, dev": 0.25,
        "baseline_kmer, test": 0.35,
    }


def test_ranks_are_those_of_the_last_allocation(tmp_path: Path) -> None:
    for seed in (1, 2):
        run = make_run(tmp_path, method="adalora_rs", seed=seed)
        write_ranks(run, {"00.q": 2 + seed, "00.v": 1, "01.q": 7})
    (chart,) = rank_maps(contents_of(tmp_path)).charts
    assert isinstance(chart, Heat)
    assert (chart.rows, chart.columns) == (("q", "v"), ("layer 0", "layer 1"))
    assert chart.values[0] == (3.5, 7)
    assert chart.values[1][0] == 1
    assert chart.values[1][1] != chart.values[1][1]  # layer 1 has no v


def test_labels_are_means_over_seeds(tmp_path: Path) -> None:
    areas = {"opt_125m": [0.6, 0.7, 0.9], "opt_350m": [0.65, 0.8, 0.85]}
    for model, wanted in areas.items():
        for seed, shift in ((1, -0.02), (2, 0.02)):
            run = make_run(tmp_path, model=model, metric="auroc", seed=seed)
            write_labels(run, [area + shift for area in wanted])
    scatter, alike = label_figures(contents_of(tmp_path))
    (points,) = values(only(scatter)).values()
    assert points == [pytest.approx(pair) for pair in zip(*areas.values(), strict=True)]
    (heat,) = alike.charts
    assert isinstance(heat, Heat)
    assert heat.values[0][1] == pytest.approx(pearsonr(*areas.values()).statistic)

"""Tests and intervals of the report against SciPy, other formulas and pencil."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dnaft.report.comparison_tables import over_seeds, over_tasks
from dnaft.report.contents import gather
from dnaft.report.distributions import (
    chi_square_p,
    signed_rank_p,
    student_p,
    student_quantile,
    studentised_range,
)
from dnaft.report.intervals import summarise
from dnaft.report.marks import UNEQUAL
from dnaft.report.paired_tests import compare, critical_difference, holm, rank
from dnaft.report.runs import find_results, read_results
from dnaft.report.tables import Cell, Table
from report_runs import make_run

A = {"t1": 0.9, "t2": 0.8, "t3": 0.75, "t4": 0.6, "t5": 0.95, "t6": 0.71}
B = {"t1": 0.85, "t2": 0.81, "t3": 0.7, "t4": 0.5, "t5": 0.93, "t6": 0.68}
C = {"t1": 0.5, "t2": 0.4, "t3": 0.35, "t4": 0.55, "t5": 0.45, "t6": 0.42}


def test_pairs_are_tested_as_scipy_tests_them() -> None:
    (found,) = compare({"a": A, "b": B})
    first, second = np.array(list(A.values())), np.array(list(B.values()))
    expected = stats.ttest_rel(first, second)
    interval = expected.confidence_interval(0.95)
    assert (found.first, found.second, found.pairs) == ("a", "b", 6)
    assert found.difference == pytest.approx((first - second).mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p_t == pytest.approx(expected.pvalue)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(first, second).pvalue)
    assert found.effect == pytest.approx((first - second).mean() / (first - second).std(ddof=1))


def test_t_and_effect_by_pencil() -> None:
    # Differences 1, 2, 3: mean 2, standard deviation 1, t = 2 sqrt(3), d = 2. With two degrees of
    # freedom the two-sided p of t is 1 - t / sqrt(2 + t^2) = 1 - sqrt(12 / 14).
    (found,) = compare({"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 0, "y": 0, "z": 0}})
    assert found.effect == pytest.approx(2)
    assert found.p_t == pytest.approx(1 - math.sqrt(12 / 14))
    assert found.p_wilcoxon == pytest.approx(2 / 2**3)  # all of one sign


@pytest.mark.parametrize(
    "gains", [[3, -3, -3], [3, -3, 0, 3, 2, 3], [-1, -2, 0, 3, -1, 3, -1, 2], [1, 1, 1]]
)
def test_signed_ranks_with_ties_and_zeros_are_as_scipys_permutations(gains: list[float]) -> None:
    # SciPy's exact distribution knows no ties; its permutation test goes through all signs.
    nonzero = np.array([gain for gain in gains if gain], dtype=np.float64)
    everything = stats.PermutationMethod(n_resamples=2**10)
    expected = stats.wilcoxon(nonzero, method=everything).pvalue
    assert signed_rank_p(gains) == pytest.approx(expected)


def test_signed_ranks_of_nothing_but_zeros_have_no_p() -> None:
    assert math.isnan(signed_rank_p([0.0, 0.0]))


@pytest.mark.parametrize("count", [3, 6, 14, 40])
def test_signed_ranks_are_as_scipys_exact_distribution(count: int) -> None:
    gains = np.random.default_rng(count).normal(0.4, 1, count)
    expected = stats.wilcoxon(gains, method="exact").pvalue
    assert signed_rank_p(gains.tolist()) == pytest.approx(expected)


@pytest.mark.parametrize("freedom", [1, 2, 9, 40])
def test_tails_are_those_of_scipy_stats(freedom: int) -> None:
    assert student_p(-2.2, freedom) == pytest.approx(2 * stats.t.sf(2.2, freedom))
    assert student_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom))
    assert chi_square_p(7.7, freedom) == pytest.approx(stats.chi2.sf(7.7, freedom))
    expected = stats.studentized_range.ppf(0.95, freedom + 1, np.inf)
    assert studentised_range(0.95, freedom + 1) == pytest.approx(expected, abs=1e-6)


def test_only_tasks_of_both_methods_count_and_one_is_not_enough() -> None:
    (found,) = compare(
        {"a": {"x": 0.5, "y": 0.6, "z": math.nan}, "b": {"x": 0.4, "y": 0.4, "z": 1}}
    )
    assert found.pairs == 2
    assert compare({"a": {"x": 0.5, "y": 0.5}, "b": {"x": 0.4, "z": 0.4}}) == []


def test_equal_differences_have_no_p() -> None:
    (found,) = compare({"a": {"x": 0.3, "y": 0.4}, "b": {"x": 0.2, "y": 0.3}})
    assert found.difference == pytest.approx(0.1)
    assert all(map(math.isnan, (found.p_t, found.p_wilcoxon, found.holm_t, found.effect)))


def test_references_are_not_compared_with_each_other() -> None:
    found = compare({"lora": A, "kmer": B, "onehot": C}, {"kmer", "onehot"})
    assert [(one.first, one.second) for one in found] == [("lora", "kmer"), ("lora", "onehot")]


def test_holm_by_pencil() -> None:
    # Sorted: .005 x 4, .01 x 3, .03 x 2, .04 x 1, none smaller than the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    found = holm([0.01, math.nan, 0.6])
    assert (found[0], found[2]) == pytest.approx((0.02, 0.6))
    assert math.isnan(found[1])
    assert holm([0.9, 0.9]) == [1.0, 1.0]


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_holm_is_as_statsmodels(count: int) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = np.random.default_rng(count).uniform(0, 0.2, count)
    p_values[count // 2 :: 3] = 0.01  # ties
    expected = multitest.multipletests(p_values, method="holm")[1]
    assert holm(p_values.tolist()) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_plain_p_and_bonferroni(p_values: list[float]) -> None:
    pairs = sorted(zip(p_values, holm(p_values), strict=True))
    for plain, corrected in pairs:
        assert plain <= corrected <= min(1, plain * len(p_values))
    assert [corrected for _, corrected in pairs] == sorted(corrected for _, corrected in pairs)


def test_friedman_as_scipy_and_mean_ranks_by_pencil() -> None:
    found = rank({"c": C, "a": A, "b": B})
    assert found is not None
    # A is first but on t2, where B is; on t4 C is above B.
    assert dict(found.ranks) == pytest.approx({"a": 7 / 6, "b": 12 / 6, "c": 17 / 6})
    assert list(found.ranks) == ["a", "b", "c"]
    expected = stats.friedmanchisquare(*(list(x.values()) for x in (A, B, C)))
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_friedman_with_ties_is_corrected_as_scipys() -> None:
    table = [[0.5, 0.5, 0.3, 0.7, 0.1], [0.5, 0.4, 0.3, 0.2, 0.1], [0.4, 0.4, 0.3, 0.9, 0.6]]
    found = rank({f"m{at}": dict(zip("abcde", of, strict=True)) for at, of in enumerate(table)})
    assert found is not None
    expected = stats.friedmanchisquare(*table)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_difference_has_the_q_of_demsars_table(methods: int, q: float) -> None:
    # Demšar 2006, Table 5a, alpha 0.05.
    found = critical_difference(methods, 14)
    assert found == pytest.approx(q * math.sqrt(methods * (methods + 1) / (6 * 14)), abs=1e-3)


def test_methods_that_lack_tasks_are_left_out_of_the_ranking() -> None:
    found = rank({"a": A, "b": B, "c": C, "d": {"t1": 0.5}})
    assert found is not None
    assert set(found.ranks) == {"a", "b", "c"}
    assert found.tasks == tuple(sorted(A))
    assert rank({"a": A, "b": B}) is None
    assert rank({"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}) is None


def test_methods_that_do_not_differ_are_joined() -> None:
    # Three methods over six tasks: the critical difference is 2.343 sqrt(12 / 36) = 1.353, so the
    # first (7/6) is joined with the second (2), and that with the third (17/6), but not all three.
    found = rank({"a": A, "b": B, "c": C})
    assert found is not None
    assert found.critical == pytest.approx(1.353, abs=1e-3)
    assert found.cliques == ((0, 1), (1, 2))


def test_ties_everywhere_are_no_difference() -> None:
    found = rank({name: {"x": 0.5, "y": 0.25} for name in "abc"})
    assert found is not None
    assert (found.statistic, found.p) == (0.0, 1.0)
    assert found.cliques == ((0, 2),)


def test_summary_by_pencil_and_its_interval_against_scipy() -> None:
    values = [0.61, 0.65, 0.58, 0.7, 0.66, 0.63, 0.59, 0.68]
    found = summarise(values)
    assert (found.count, found.mean) == (8, pytest.approx(0.6375))
    assert found.deviation == pytest.approx(np.std(values, ddof=1))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-3)
    assert summarise(values) == found


def test_interval_of_three_seeds_is_their_range() -> None:
    # Three equal draws come with probability 1/27, which is more than 2.5%.
    found = summarise([0.5, 0.6, 0.9])
    assert (found.low, found.high) == pytest.approx((0.5, 0.9))


def test_one_seed_has_no_spread_and_a_missing_score_no_mean() -> None:
    one = summarise([0.5])
    assert one.mean == 0.5
    assert all(map(math.isnan, (one.deviation, one.low, one.high)))
    assert math.isnan(summarise([0.5, math.nan]).mean)


SEEDS = {
    "full": {1: 0.61, 2: 0.65, 3: 0.58, 4: 0.7},
    "ia3": {1: 0.4, 2: 0.45},
    "lora": {2: 0.6, 3: 0.57, 4: 0.62, 5: 0.66, 6: 0.68},
}


def tables_of_seeds(folder: Path) -> tuple[Table, Table]:
    for task in ("h3", "h4"):
        for method, scores in SEEDS.items():
            for seed, test in scores.items():
                make_run(folder, task=task, method=method, seed=seed, test=test)
        for seed in (1, 2):
            make_run(folder, task=task, method="baseline_kmer", lr=None, seed=seed, test=0.55)
    contents = gather(*read_results(find_results(str(folder))))
    return over_seeds(contents), over_tasks(contents)


def lines(table: Table) -> dict[tuple[str, ...], dict[str, Cell]]:
    found = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    return {tuple(x[k].shown for k in ("task", "first", "second") if k in x): x for x in found}


def test_methods_are_compared_over_the_seeds_that_both_have(tmp_path: Path) -> None:
    found = lines(tables_of_seeds(tmp_path)[0])
    # ia3 shares two seeds with the others at most.
    assert set(found) == {
        (task, *pair)
        for task in ("h3", "h4")
        for pair in (("full", "lora"), ("full", "baseline_kmer"), ("lora", "baseline_kmer"))
    }
    full, lora = SEEDS["full"], SEEDS["lora"]
    expected = {
        ("full", "lora"): ([full[s] for s in (2, 3, 4)], [lora[s] for s in (2, 3, 4)]),
        ("full", "baseline_kmer"): (list(full.values()), [0.55] * 4),
        ("lora", "baseline_kmer"): (list(lora.values()), [0.55] * 5),
    }
    tests = {pair: stats.ttest_rel(*of) for pair, of in expected.items()}
    corrected = dict(zip(tests, holm([test.pvalue for test in tests.values()]), strict=True))
    for pair, (first, second) in expected.items():
        line, interval = found["h3", *pair], tests[pair].confidence_interval()
        assert line["shared seeds"].shown == str(len(first))
        assert line["difference"].value == pytest.approx(np.mean(first) - np.mean(second))
        ends = line["95% low"].value, line["95% high"].value
        assert ends == pytest.approx((interval.low, interval.high))
        assert line["p, t"].value == pytest.approx(tests[pair].pvalue)
        assert line["p, t, Holm"].value == pytest.approx(corrected[pair])
        assert line["p, Wilcoxon"].value == pytest.approx(stats.wilcoxon(first, second).pvalue)


def test_unequal_numbers_of_seeds_are_told(tmp_path: Path) -> None:
    seeds, tasks = map(lines, tables_of_seeds(tmp_path))
    assert seeds["h3", "full", "lora"]["seeds"].shown == "4 / 5"
    assert UNEQUAL in seeds["h3", "full", "lora"]["difference"].marks
    assert tasks["full", "ia3"]["seeds"].shown == "4 / 2"
    assert UNEQUAL in tasks["full", "ia3"]["difference"].marks
    # Seeds change nothing of a baseline.
    assert tasks["full", "baseline_kmer"]["seeds"].shown == "4 / -"
    assert UNEQUAL not in tasks["full", "baseline_kmer"]["difference"].marks

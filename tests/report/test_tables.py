"""Tables in each form, the published numbers, and how charts place their values."""

import csv
import math
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnaft.report.axes import Axis, short, spanned, spread
from dnaft.report.score_figures import pareto_front
from dnaft.report.settings import short_names
from dnaft.report.tables import Cell, Table, number, to_csv, to_html, to_latex, to_markdown

TABLE = Table(
    "x",
    "X",
    "",
    ("task_name", "50% & more"),
    (False, True),
    (
        (Cell("a|b<i>"), number(0.123456, ".2f", frozenset("1L"))),
        (Cell("c"), number(math.nan, ".2f")),
        (Cell("d"), number(1234567.0, ",.0f")),
    ),
)


def test_csv_keeps_all_digits() -> None:
    rows = list(csv.reader(to_csv(TABLE).splitlines()))
    assert rows == [
        ["task_name", "50% & more", "warnings"],
        ["a|b<i>", "0.123456", "1 L"],
        ["c", "", ""],
        ["d", "1234567", ""],
    ]


def test_latex_prints_special_letters() -> None:
    text = to_latex(TABLE)
    assert r"task\_name & 50\% \& more \\" in text
    assert r"a|b\textless{}i\textgreater{} & 0.12$^\mathrm{1L}$ \\" in text
    assert r"\begin{tabular}{lr}" in text


@pytest.mark.parametrize(("rows", "kind"), [(40, "tabular"), (41, "longtable")])
def test_long_tables_of_latex_go_on_over_pages(rows: int, kind: str) -> None:
    text = to_latex(replace(TABLE, rows=TABLE.rows[:1] * rows))
    assert text.count(rf"\begin{{{kind}}}{{lr}}") == text.count(rf"\end{{{kind}}}") == 1
    assert text.count(r"a|b") == rows
    head, _, below = text.partition(r"\midrule")
    assert r"task\_name" in head  # and again on each page
    assert (r"\endhead" in below) == (kind == "longtable")


def test_markdown_keeps_bars_in_their_cell() -> None:
    line = to_markdown(TABLE).splitlines()[2]
    assert line.replace(r"\|", "").count("|") == 3
    assert "0.12 ^1L^" in line
    assert "1: one seed" in to_markdown(TABLE)


def test_html_is_escaped_and_sorted_by_the_full_value() -> None:
    text = to_html(TABLE)
    assert "<i>" not in text
    assert 'data-v="0.123456"' in text


@pytest.mark.parametrize(
    ("head", "staying"),
    [
        (("task", "model", "method", "dev"), ["task", "method"]),
        (("task", "first", "second", "d"), ["first", "second"]),
        (("model", "method", "rank"), []),
    ],
)
def test_columns_that_tell_rows_apart_stay_on_narrow_screens(
    head: tuple[str, ...], staying: list[str]
) -> None:
    row = tuple(Cell("h3_k4") for _ in head)
    text = to_html(Table("x", "X", "", head, (False,) * len(head), (row,)))
    assert re.findall(r'<th[^>]* class="stays"[^>]*><button>(\w+)', text) == staying
    assert text.count('<td class="stays">h3_<wbr>k4</td>') == len(staying)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12))
def test_the_front_is_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    front = pareto_front(points)
    unbeaten = {
        (x, y)
        for x, y in points
        if not any(a <= x and b >= y and (a, b) != (x, y) for a, b in points)
    }
    assert set(front) == unbeaten


@given(
    st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=6),
    st.booleans(),
)
def test_axes_hold_their_values_and_ticks(values: list[float], log: bool) -> None:
    axis = Axis(*spanned(values, log), 0.0, 100.0, log)
    assert all(-1e-6 <= axis(value) <= 100 + 1e-6 for value in values)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 12
    assert all(-1e-4 <= axis(tick) <= 100 + 1e-4 for tick in ticks)


@pytest.mark.parametrize(
    ("values", "foot"), [((12.1, 17.2), 1.0), ((0.5, 30.0), 0.1), ((20.0,), 10.0), ((2e-5,), 1e-5)]
)
def test_bars_of_a_logarithmic_axis_stand_on_a_power_of_ten(
    values: tuple[float, ...], foot: float
) -> None:
    low, high = spanned(values, log=True, zero=True)
    assert low == foot
    assert high > max(values)


@given(st.lists(st.floats(0, 300), max_size=8))
def test_names_keep_apart_and_in_order(places: list[float]) -> None:
    found = spread(sorted(places), 13.0)
    assert all(b - a >= 13 - 1e-6 for a, b in pairwise(found))
    assert sum(found) == pytest.approx(sum(places))


def test_ticks_by_eye() -> None:
    assert Axis(0, 1, 0, 1).ticks() == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert Axis(1e3, 1e6, 0, 1, True).ticks() == [1e3, 1e4, 1e5, 1e6]
    assert Axis(1, 10, 0, 1, True)(10**0.5) == pytest.approx(0.5)
    assert [short(value) for value in (124e6, 0.05, 3e-5, 0)] == ["124M", "0.05", "3e-5", "0"]


def test_names_are_as_short_as_they_can_be() -> None:
    keys = ["method.rank", "callbacks.sampler.rank", "data.batch_size"]
    assert list(short_names(keys).values()) == ["method.rank", "sampler.rank", "batch_size"]

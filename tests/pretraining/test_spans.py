"""Spans: every arrangement is equally likely, lengths are geometric, the share is met."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnaft.pretraining.draws import TARGETS, uniforms
from dnaft.pretraining.spans import draw_spans


def spans(
    tokens: int, fraction: float, mean: float, overlap: int, number: int
) -> list[tuple[int, int]]:
    places, lengths = uniforms(1, number, TARGETS, 2 * tokens).reshape(2, -1)
    begins, ends = draw_spans(tokens, fraction, mean, overlap, places, lengths)
    return list(zip(begins.tolist(), ends.tolist(), strict=True))


@given(
    tokens=st.integers(1, 300),
    fraction=st.floats(0.01, 0.6),
    mean=st.floats(1, 8),
    overlap=st.integers(0, 5),
    number=st.integers(0, 10**6),
)
def test_spans_lie_in_the_row_and_do_not_overlap(
    tokens: int, fraction: float, mean: float, overlap: int, number: int
) -> None:
    found = spans(tokens, fraction, mean, overlap, number)
    assert found
    edges = [edge for span in found for edge in span]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= tokens
    assert all(end - begin >= min(overlap + 1, tokens) for begin, end in found)


def test_every_arrangement_of_two_spans_is_equally_likely() -> None:
    # 9 tokens, 4 of them in spans of 2: 2 spans. By enumeration: begins at least 2 apart.
    possible = [((a, a + 2), (b, b + 2)) for a, b in combinations(range(8), 2) if b - a >= 2]
    assert len(possible) == 21
    drawn = Counter(tuple(spans(9, 4 / 9, 1.0, 1, n)) for n in range(21 * 300))
    assert set(drawn) == set(possible)
    counts = np.array(list(drawn.values()))
    # Chi-square with 20 degrees of freedom: 45.3 is passed once in a thousand.
    assert ((counts - 300) ** 2 / 300).sum() < 45.3


@pytest.mark.parametrize(("mean", "overlap"), [(1.0, 0), (1.0, 5), (3.0, 0), (4.0, 2)])
def test_share_and_mean_length(mean: float, overlap: int) -> None:
    found = [spans(500, 0.15, mean, overlap, n) for n in range(300)]
    lengths = np.array([end - begin for row in found for begin, end in row])
    if mean == 1:
        assert set(lengths) == {1 + overlap}
    else:
        # Geometric, cut at five times the mean, which takes less than 2% off.
        assert lengths.mean() - overlap == pytest.approx(mean, rel=0.04)
        assert (lengths - overlap).max() == 5 * mean
    assert lengths.sum() / (300 * 500) == pytest.approx(0.15, rel=0.03)


def test_geometric_law() -> None:
    lengths = np.array([e - b for n in range(400) for b, e in spans(500, 0.15, 2.0, 0, n)])
    shares = np.bincount(lengths, minlength=6) / len(lengths)
    # P(length = n) = 1/2^n for mean 2.
    assert np.abs(shares[1:6] - 0.5 ** np.arange(1, 6)).max() < 0.01

"""Histograms as SVG inside a page, one outline a class."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from dnaft.page import COLOURS

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 420, 150, 8, 22, 8
_TICKS = 5


def filled_bins(counts: Iterable[Sequence[int]]) -> tuple[int, int]:
    """Return the first bin in which any of these histograms has a row, and that behind the last."""
    filled = [i for of_class in counts for i, rows in enumerate(of_class) if rows]
    return min(filled), max(filled) + 1


def histogram(
    edges: Sequence[float],
    counts: Mapping[str, Sequence[int]],
    bins: tuple[int, int],
    unit: str,
    title: str,
) -> str:
    """Return a histogram: of each class the share of its rows in each bin.

    Args:
        edges: Of the bins, one more than there are bins.
        counts: Rows in each bin, by class.
        bins: The first bin that is drawn, and that behind the last.
        unit: Under the axis.
        title: What it shows, for readers that do not see it.
    """
    first, last = bins
    low, high = edges[first], edges[last]
    shares = {
        name: [n / max(sum(of_class), 1) for n in of_class[first:last]]
        for name, of_class in counts.items()
    }
    top = max(max(values) for values in shares.values())
    plot_width, plot_height = _WIDTH - 2 * _LEFT, _HEIGHT - _BOTTOM - _TOP

    def x(value: float) -> float:
        return _LEFT + plot_width * (value - low) / (high - low)

    def y(share: float) -> float:
        return _TOP + plot_height * (1 - share / top)

    shapes = []
    for number, values in enumerate(shares.values()):
        points = [(x(low), y(0))]
        for i, share in enumerate(values):
            points += [(x(edges[first + i]), y(share)), (x(edges[first + i + 1]), y(share))]
        points.append((x(high), y(0)))
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        shapes.append(f'<polygon class="c{number % COLOURS}" points="{path}"/>')
    labels = []
    for tick in range(_TICKS):
        value = low + (high - low) * tick / (_TICKS - 1)
        anchor = {0: "start", _TICKS - 1: "end"}.get(tick, "middle")
        labels.append(
            f'<text x="{x(value):.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">'
            f"{_number(value, high - low)}</text>"
        )
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>'
        f"{''.join(shapes)}"
        f'<line x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{y(0)}" y2="{y(0)}"/>'
        f"{''.join(labels)}</svg><figcaption>{escape(unit)}</figcaption></figure>"
    )


def _number(value: float, span: float) -> str:
    return f"{value:,.0f}" if span > 20 else f"{value:.2f}"

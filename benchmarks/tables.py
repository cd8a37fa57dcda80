"""Tables of Markdown, and how a score, its spread and a probability are written in them."""

import math
import statistics
from collections.abc import Sequence

from scipy.stats import t as student
from scipy.stats import ttest_rel, wilcoxon

Row = dict[str, str]


def table(lines: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown; the first line is its header."""
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (lines[0], rule, *lines[1:]))


def show(values: Sequence[float]) -> str:
    """Return mean and, for more than one seed, standard deviation: `.712 ± .013`."""
    mean = f"{statistics.mean(values):.3f}".replace("0.", ".", 1)
    if len(values) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(values):.3f}".replace("± 0.", "± .")


def show_gain(values: Sequence[float]) -> str:
    """Return mean and standard deviation of differences: `+.012 ± .009`."""
    mean = f"{statistics.mean(values):+.3f}".replace("0.", ".", 1)
    return f"{mean} ± {statistics.stdev(values):.3f}".replace("± 0.", "± .")


def show_p(p: float) -> str:
    """Return a probability: `.031`, `< .001`."""
    return "< .001" if p < 0.001 else f"{p:.3f}".replace("0.", ".", 1)


def show_ratio(first: Sequence[float], second: Sequence[float]) -> str:
    """Return first / second of runs in turn: the median with quartiles, `1.20 (1.08 to 1.39)`."""
    return show_spread([a / b for a, b in zip(first, second, strict=True)])


def show_spread(values: Sequence[float]) -> str:
    """Return the median of values with quartiles, `1.20 (1.08 to 1.39)`; one alone without."""
    digits = 1 if statistics.median(values) >= 10 else 2
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    low, middle, high = (f"{q:.{digits}f}" for q in quartiles(values))
    return f"{middle} ({low} to {high})"


def quartiles(values: Sequence[float]) -> list[float]:
    """Return the three quartiles; of few values the outer ones are the ends, never beyond them."""
    found = statistics.quantiles(values, n=4)
    return [min(max(quartile, min(values)), max(values)) for quartile in found]


def show_rate(rate: str) -> str:
    """Return a learning rate as people write it: `3e-4`."""
    return f"{float(rate):.0e}".replace("e-0", "e-")


def compare(first: list[float], second: list[float]) -> list[str]:
    """Return mean difference with its 95% interval, effect size, and two paired tests."""
    gains = [a - b for a, b in zip(first, second, strict=True)]
    mean, deviation = statistics.mean(gains), statistics.stdev(gains)
    half = student.ppf(0.975, len(gains) - 1) * deviation / math.sqrt(len(gains))
    if deviation == 0:
        return [f"{mean:+.3f}", "-", "-", "-", "-"]
    return [
        f"{mean:+.3f}",
        f"{mean - half:+.3f} to {mean + half:+.3f}",
        f"{mean / deviation:+.2f}",
        show_p(ttest_rel(first, second).pvalue),
        show_p(wilcoxon(first, second).pvalue),
    ]

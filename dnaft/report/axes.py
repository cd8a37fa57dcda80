"""From values to places on paper: ranges, round ticks, and how numbers are written."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_TICKS = 5
_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Axis:
    """A range of values on a range of paper.

    Attributes:
        low: The value at `start`.
        high: The value at `end`.
        start: Place on paper.
        end: Place on paper.
        log: Whether the logarithm of a value counts.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def ticks(self) -> list[float]:
        """Return round values within the range."""
        return _log_ticks(self.low, self.high) if self.log else _ticks(self.low, self.high)


def spanned(values: Iterable[float], log: bool = False, zero: bool = False) -> tuple[float, float]:
    """Return a range that holds the values with some room around them.

    Args:
        values: nan ones are passed over, as are those without a logarithm.
        log: Whether the axis is logarithmic.
        zero: Whether the range has a foot that bars stand on: zero, or, as a logarithmic axis has
            none, a power of ten at or below half of the smallest value.
    """
    found = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    if not found:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = min(found), max(found)
    if log:
        room = (high / low) ** 0.08 if high > low else 2.0
        return (_foot(low) if zero else low / room), high * room
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            return 0.0, 1.0  # nothing but zeros
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return (low if zero and low == 0 else low - room), (high if zero and high == 0 else high + room)


def _foot(lowest: float) -> float:
    return 10.0 ** math.floor(math.log10(lowest / 2))


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Return places that keep a distance, each as near as can be to where it was.

    Those that lie too close make a group, whose middle is the mean of where they were.

    >>> spread([1.0, 20.0, 22.0, 40.0], 10.0)
    [1.0, 16.0, 26.0, 40.0]

    Args:
        places: In ascending order.
        apart: The least distance between two.
    """
    groups: list[tuple[float, int]] = []  # middle and number
    for place in places:
        middle, count = place, 1
        while groups and middle - groups[-1][0] < apart * (count + groups[-1][1]) / 2:
            before, number = groups.pop()
            middle = (middle * count + before * number) / (count + number)
            count += number
        groups.append((middle, count))
    return [
        middle + apart * (at - (count - 1) / 2) for middle, count in groups for at in range(count)
    ]


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / _TICKS
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(at * step, 12) + 0.0 for at in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for parts in ((1,), (1, 3), (1, 2, 5)):
        ticks = [part * 10.0**decade for decade in decades for part in parts]
        ticks = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(ticks) >= 3:
            break
    if len(ticks) < 3:
        return [tick for tick in _ticks(low, high) if tick > 0]  # far less than a decade
    return ticks[:: math.ceil(len(ticks) / 8)]


def short(value: float) -> str:
    """Return a number as an axis has it.

    >>> short(877642.0), short(0.001), short(0.25), short(1.0), short(2e-5)
    ('878k', '0.001', '0.25', '1', '2e-5')
    """
    for unit, letter in _UNITS:
        if abs(value) >= unit:
            return f"{value / unit:.3g}{letter}"
    if value and abs(value) < 1e-3:
        return f"{value:.2g}".replace("e-0", "e-")
    return f"{value:.4g}"

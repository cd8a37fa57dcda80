"""Black or white numbers on coloured cells, whichever can be read better."""

from collections.abc import Sequence
from functools import cache

Colour = tuple[float, float, float]

# The palest and the fullest cell by scheme: --panel and --c0 of the page's style sheet.
_CELLS: dict[str, tuple[Colour, Colour]] = {
    "light": ((0xF3, 0xF4, 0xF2), (0x2F, 0x6F, 0xB0)),
    "dark": ((0x1F, 0x24, 0x28), (0x6F, 0xB1, 0xF0)),
}
_BLACK, _WHITE = 0.0, 1.0  # luminances


def luminance(colour: Sequence[float]) -> float:
    """Return the relative luminance of WCAG 2, from 0 for black to 1 for white.

    Args:
        colour: Red, green and blue, each from 0 to 1.
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return sum(part * c for part, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ratio(first: float, second: float) -> float:
    """Return the contrast of two luminances by WCAG 2, from 1 to 21.

    >>> ratio(0.0, 1.0)
    21.0
    """
    high, low = max(first, second), min(first, second)
    return (high + 0.05) / (low + 0.05)


def ink_on(colour: Sequence[float]) -> str:
    """Return `black` or `white`, of which one has a contrast of 4.58 or more with any colour.

    >>> ink_on((1.0, 1.0, 0.0)), ink_on((0.0, 0.0, 1.0))
    ('black', 'white')

    Args:
        colour: Of the cell; red, green and blue, each from 0 to 1.
    """
    light = luminance(colour)
    return "black" if ratio(light, _BLACK) >= ratio(light, _WHITE) else "white"


@cache
def inks_at(opacity: float) -> str:
    """Return the classes of the style sheet for a number on a cell, one a scheme.

    >>> inks_at(0.1), inks_at(1.0)
    ('light-black dark-white', 'light-white dark-black')

    Args:
        opacity: Of the colour of the cell, from 0 to 1.
    """
    classes = []
    for scheme, (pale, full) in _CELLS.items():
        cell = [(p + opacity * (f - p)) / 255 for p, f in zip(pale, full, strict=True)]
        classes.append(f"{scheme}-{ink_on(cell)}")
    return " ".join(classes)

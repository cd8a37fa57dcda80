"""Which colour a method has, and which marker a model, the same all over the page."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from dnaft.page import COLOURS

HOLLOW, HALF = "hollow", "half"
_FILLS = ("", HOLLOW, HALF)


def fill_of(colour: int) -> str:
    """Return how marks and bars of a colour's number are filled: the second ten are hollow.

    >>> fill_of(3), fill_of(13), fill_of(23)
    ('', 'hollow', 'half')
    """
    return _FILLS[colour // COLOURS % len(_FILLS)]


@dataclass
class Palette:
    """Colours and markers by name.

    Attributes:
        colours: Number of the colour of each method, in order of appearance.
        shapes: Number of the marker of each model.
    """

    colours: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, methods: Iterable[str], models: Iterable[str]) -> "Palette":
        """Return a palette of these names."""
        return cls(
            {name: at for at, name in enumerate(sorted(set(methods)))},
            {name: at for at, name in enumerate(sorted(set(models)))},
        )

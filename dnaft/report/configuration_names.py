"""Short names for the configurations of a chart."""

from collections import Counter
from collections.abc import Sequence

from dnaft.report.groups import Group
from dnaft.report.marks import Marked
from dnaft.report.settings import show

NAMES = (
    "A name has the learning rate, where a method has several, and what differs from most of the "
    "method's bars; the text of each bar has all settings."
)
_RATE = "lr"


def configuration_names(found: Sequence[Group]) -> tuple[Marked, ...]:
    """Return names that tell configurations apart, without the method where there is no other.

    A setting that all bars of a method share is left out, and so is a value that more than half of
    them have: two that differ in a setting do not both have such a value of it.
    """
    alone = len({one.method for one in found}) == 1
    own: dict[str, list[Group]] = {}
    for one in found:
        own.setdefault(one.method, []).append(one)
    usual = {method: _usual(groups) for method, groups in own.items()}
    names = []
    for one in found:
        told = _told(one, usual[one.method])
        parts = [told] if alone and told else [one.method, told]
        names.append(Marked(" ".join(filter(None, parts)), one.marks))
    return tuple(names)


def _values(one: Group) -> dict[str, str]:
    return {key: show(value) for key, value in one.settings.items()}


def _usual(groups: Sequence[Group]) -> dict[str, str]:
    """Return the values that go without saying: those of most, of the learning rate of all."""
    usual = {}
    for key in {key for one in groups for key in one.settings}:
        values = Counter(_values(one)[key] for one in groups if key in one.settings)
        value, count = values.most_common(1)[0]
        if values.total() < len(groups):
            continue  # a name without it is that of one that lacks the setting
        if count == len(groups) or (key != _RATE and count > len(groups) / 2):
            usual[key] = value
    return usual


def _told(one: Group, usual: dict[str, str]) -> str:
    told = {key: value for key, value in _values(one).items() if usual.get(key) != value}
    ordered = sorted(told, key=lambda key: key != _RATE)
    return ", ".join(f"{key}={told[key]}" for key in ordered)

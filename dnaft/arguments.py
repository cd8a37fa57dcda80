"""Arguments of the form KEY=VALUE, taken as typed: no grammar, no quotes but the shell's."""

from collections.abc import Sequence

from dnaft.errors import InputError, near

_BOOLEANS = {"true": True, "false": False}


def parse(arguments: Sequence[str], keys: Sequence[str]) -> dict[str, str]:
    """Return the values by key.

    Args:
        arguments: What stands on the command line.
        keys: The keys that there are.

    Raises:
        InputError: For an unknown key, one that is given twice, or a missing value.
    """
    given: dict[str, str] = {}
    for argument in arguments:
        key, sign, value = argument.partition("=")
        if not sign:
            raise InputError(f"{argument}: cannot be read as KEY=VALUE; try --help")
        if key not in keys:
            raise InputError(f"{key}: there is no such key; {near(key, keys)}")
        if key in given:
            raise InputError(f"{key}: is given twice; leave one out")
        if not value:
            raise InputError(f"{key}: has no value; give one with {key}=VALUE, or leave it out")
        given[key] = value
    return given


def boolean(given: dict[str, str], key: str, default: bool = False) -> bool:
    """Return a value that is true or false.

    Raises:
        InputError: If it is neither.
    """
    value = given.get(key, str(default)).lower()
    if value not in _BOOLEANS:
        raise InputError(f"{key}: got {given[key]!r}; needs true or false")
    return _BOOLEANS[value]

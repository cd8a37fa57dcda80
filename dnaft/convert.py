"""Plain values of the configuration against plain annotations, with messages for people."""

from collections.abc import Mapping
from typing import Any

from dnaft.errors import InputError

# What pydantic found, by the beginning of its error type.
_NEEDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list, for example [a,b]",
    "list": "a list, for example [a,b]",
    "dict": "named values, for example {a: 1}",
    "mapping": "named values, for example {a: 1}",
    "none_required": "null",
    "missing": "more values",
    "too_long": "fewer values",
    "finite_number": "a finite number",
}


def convert(value: Any, annotation: Any, key: str) -> Any:
    """Check a plain value against a plain annotation; leave objects and rich annotations alone.

    `3` and `"3"` serve as an int, a list as a tuple; true and false serve as no number.

    Raises:
        InputError: If the value does not fit; the message begins with the key.
    """
    from pydantic import ConfigDict, PydanticSchemaGenerationError, TypeAdapter, ValidationError

    if not _is_plain(value):
        return value
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(
            annotation, config=ConfigDict(arbitrary_types_allowed=True)
        )
    except (PydanticSchemaGenerationError, TypeError):
        return value
    try:
        converted = adapter.validate_python(value)
    except ValidationError as error:
        needs = dict.fromkeys(_need(e) for e in error.errors())
        try:
            adapter.validate_python(None)
            needs["null"] = None
        except ValidationError:
            pass
        places = {_place(e["loc"]) for e in error.errors()}
        place = places.pop() if len(places) == 1 else ""
        raise InputError(f"{key}{place}: got {value!r}; needs {' or '.join(needs)}") from None
    if isinstance(value, bool) and isinstance(converted, int | float) and converted is not value:
        raise InputError(f"{key}: got {str(value).lower()}; needs a number")
    return converted


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def _need(error: Any) -> str:
    kind = str(error["type"])
    if kind == "literal_error":
        return f"one of {error['ctx']['expected']}"
    for start, need in _NEEDS.items():
        if kind.startswith(start):
            return need
    message = str(error["msg"])
    return f"something else ({message[0].lower()}{message[1:]})"


def _place(loc: tuple[int | str, ...]) -> str:
    """Return the position inside a list: [0]; pydantic also names the members of unions."""
    return "".join(f"[{part}]" for part in loc if isinstance(part, int))

"""Hydra's and OmegaConf's errors in the words of our own messages: key, what, how to fix it."""

from collections.abc import Iterable, Iterator
from typing import Any

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from dnaft.errors import InputError, near


def explain(error: BaseException) -> str:
    """Return what a user needs of an exception of Hydra: our own message if one lies below."""
    ours = _find_input_error(error)
    if ours is not None:
        return str(ours)
    chain = list(_chain(error))
    for current in chain:
        text = _explain_one(current)
        if text is not None:
            return text
    lines = [line.strip() for current in chain for line in str(current).splitlines()]
    texts = [t for t in dict.fromkeys(lines) if t and not t.startswith(("object_type", "See http"))]
    return "; ".join(texts) or type(error).__name__


def names(options: Iterable[str]) -> list[str]:
    """Return what a user may choose; files that start with `_` are only built upon."""
    return [option for option in options if not option.startswith("_")]


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__


def _find_input_error(error: BaseException) -> InputError | None:
    """Look below causes and contexts: OmegaConf cuts the cause off where a resolver fails."""
    current: BaseException | None = error
    while current is not None and not isinstance(current, InputError):
        current = current.__cause__ or current.__context__
    return current


def _explain_one(error: BaseException) -> str | None:
    if isinstance(error, MissingConfigException) and error.options:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        # Hydra's own launcher knows nothing of run folders, and is refused.
        unfit = {"basic"} if group == "hydra/launcher" else set()
        offered = [name for name in names(error.options) if name not in unfit]
        return f"{group}: there is no {choice or 'empty choice'}; {near(choice, offered)}"
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: cannot be read as KEY=VALUE; quote values with spaces, commas or "
            "brackets, for example 'task.source.label_columns=[a,b]'"
        )
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key}: has no value; give one with {error.full_key}=VALUE"
    if isinstance(error, ConfigKeyError | ConfigAttributeError) and error.parent_node is not None:
        known = names(str(key) for key in error.parent_node if key != "hydra")
        plain: Any = OmegaConf.to_container(error.parent_node, resolve=False)
        below = ((k, v) for k, v in plain.items() if isinstance(v, dict))
        deeper = [f"{group}.{error.key}" for group, keys in below if error.key in keys]
        if deeper:
            return f"{error.full_key}: there is no such key; there is {' and '.join(deeper)}"
        return f"{error.full_key}: there is no such key; {near(str(error.key), known)}"
    if isinstance(error, ValidationError) and error.full_key:
        first = str(error).splitlines()[0]
        return f"{error.full_key}: {first[0].lower()}{first[1:]}"
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        return f"{error.full_key}: {str(error).splitlines()[0]}"
    return None

"""From yaml to checked objects: the schema of `conf/train.yaml` and the builder of its nodes."""

import difflib
import importlib
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from dnaft.errors import InputError

ALLOWED_ROOTS = ("dnaft", "torch", "lightning", "peft", "transformers")
_SPECIAL = ("_target_", "_partial_")


@dataclass
class TrainConfig:
    """Types of the scalar keys of `conf/train.yaml`; the groups are checked by their targets."""

    seed: int = MISSING
    data_dir: str = MISSING
    cache_dir: str = MISSING
    output_dir: str = MISSING
    resume: bool = MISSING
    progress: bool = MISSING
    task: Any = MISSING
    tokenizer: Any = MISSING
    model: Any = MISSING
    method: Any = MISSING
    data: Any = MISSING
    trainer: Any = MISSING
    callbacks: Any = MISSING
    logger: Any = MISSING


def register_schema() -> None:
    """Make `TrainConfig` known to Hydra as `schema`."""
    ConfigStore.instance().store(name="schema", node=TrainConfig)


def config_dir() -> str:
    """Return the absolute folder of the yaml files: in the wheel, else in the checkout."""
    package = Path(__file__).resolve().parent
    packaged = package / "conf"
    return str(packaged if packaged.is_dir() else package.parent / "conf")


@contextmanager
def errors_at(key: str) -> Iterator[None]:
    """Name the configuration key in front of a ValueError's message.

    Raises:
        InputError: For every ValueError inside; an InputError passes as it is, it already says
            where.
    """
    try:
        yield
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{key}: {error}") from error


def build(node: Any, key: str) -> Any:
    """Build the object that a configuration node describes, children first.

    A mapping with `_target_` becomes a call of that class or function; other mappings and lists
    are walked. Names and simple types of the arguments are checked against the signature before
    the call, so a wrong value is reported with its key. With `_partial_: true` the result is a
    callable that takes the remaining arguments; its ValueErrors carry the key, too.

    Args:
        node: Plain dicts, lists and scalars, interpolations resolved.
        key: Where the node stands in the configuration, for messages.

    Raises:
        InputError: For an unknown or missing argument, a wrong type, a target that cannot be
            imported or lies outside the allowed packages, or a value its constructor refuses.
    """
    if isinstance(node, Mapping):
        children = {
            name: build(value, f"{key}.{name}")
            for name, value in node.items()
            if name not in _SPECIAL
        }
        if "_target_" not in node:
            return children
        target = _locate(node["_target_"], f"{key}._target_")
        partial = bool(node.get("_partial_", False))
        arguments = _check(target, children, key, partial)
        if partial:

            def call(*args: Any, **kwargs: Any) -> Any:
                with errors_at(key):
                    return target(*args, **arguments, **kwargs)

            return call
        with errors_at(key):
            return target(**arguments)
    if isinstance(node, list):
        return [build(value, f"{key}[{i}]") for i, value in enumerate(node)]
    return node


def _locate(path: str, key: str) -> Callable[..., Any]:
    """Import what a `_target_` names."""
    root = str(path).partition(".")[0]
    if root not in ALLOWED_ROOTS:
        raise InputError(f"{key}: {path} lies outside the allowed {', '.join(ALLOWED_ROOTS)}")
    parts = str(path).split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module_name = ".".join(parts[:cut])
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name and module_name.startswith(error.name):
                continue
            raise
        try:
            for name in parts[cut:]:
                found = getattr(found, name)
        except AttributeError:
            break
        return typing.cast(Callable[..., Any], found)
    raise InputError(f"{key}: there is no {path}; check the spelling")


def _check(
    target: Callable[..., Any], arguments: dict[str, Any], key: str, partial: bool
) -> dict[str, Any]:
    """Compare argument names and types with the signature; return converted values."""
    parameters = inspect.signature(target).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for name in arguments:
            if name not in parameters:
                near = difflib.get_close_matches(name, parameters, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(parameters)}"
                raise InputError(f"{key}.{name}: {_name(target)} has no such argument; {hint}")
    if not partial:
        for name, parameter in parameters.items():
            required = parameter.default is parameter.empty and parameter.kind not in (
                parameter.VAR_KEYWORD,
                parameter.VAR_POSITIONAL,
            )
            if required and name not in arguments:
                raise InputError(f"{key}.{name}: {_name(target)} needs a value")
    owner = target.__init__ if inspect.isclass(target) else target
    try:
        hints = typing.get_type_hints(owner)
    except (NameError, TypeError):  # annotations of a library that are not importable at run time
        hints = {}
    return {
        name: _convert(value, hints[name], f"{key}.{name}") if name in hints else value
        for name, value in arguments.items()
    }


def _convert(value: Any, annotation: Any, key: str) -> Any:
    """Check a plain value against a plain annotation; leave objects and rich annotations alone."""
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
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{key}: got {value!r}; {first['msg'][0].lower()}{first['msg'][1:]}"
        ) from None


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def _name(target: Callable[..., Any]) -> str:
    return getattr(target, "__qualname__", repr(target))

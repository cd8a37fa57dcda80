"""From yaml to checked objects: the schemas of the command lines and the builder of nodes."""

import importlib
import inspect
import json
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from dnaft.conf_files import config_dir as config_dir  # whoever composes needs both
from dnaft.convert import convert
from dnaft.errors import InputError, near
from dnaft.packaged import INSTALLED, PACKAGED

ALLOWED_ROOTS = ("dnaft", "torch", "lightning", "peft", "transformers")
_LONGEST = 800  # characters of a message
# Widths up to which a model is tried with what was measured on models of 128 and 192.
NARROW = 256
_SPECIAL = ("_target_", "_partial_")


@dataclass
class EvalConfig:
    """Types of the keys of `eval`."""

    mlm: bool = MISSING
    choose_on: str = MISSING
    choose_after: float = MISSING


@dataclass
class FastConfig:
    """Types of the keys of `fast`."""

    fused_adapters: bool = MISSING
    frozen_states: bool = MISSING
    cache_gib: float = MISSING
    frozen_bf16: bool | None = None
    gradient_checkpointing: bool = MISSING
    dropout: bool = MISSING


@dataclass
class TrainConfig:
    """Types of the scalar keys of `conf/train.yaml`; the groups are checked by their targets."""

    seed: int = MISSING
    data_dir: str = MISSING
    cache_dir: str = MISSING
    output_dir: str = MISSING
    resume: bool = MISSING
    progress: bool = MISSING
    dry_run: Any = MISSING
    protocol: Any = MISSING
    task: Any = MISSING
    tokenizer: Any = MISSING
    model: Any = MISSING
    method: Any = MISSING
    data: Any = MISSING
    loss: Any = MISSING
    eval: EvalConfig = field(default_factory=EvalConfig)
    fast: FastConfig = field(default_factory=FastConfig)
    trainer: Any = MISSING
    callbacks: Any = MISSING
    logger: Any = MISSING


@dataclass
class PretrainConfig:
    """Types of the scalar keys of `conf/pretrain.yaml`; the groups are checked by their targets."""

    seed: int = MISSING
    output_dir: str = MISSING
    resume: bool = MISSING
    precision: str = MISSING
    window_bp: int = MISSING
    reverse_probability: float = MISSING
    spelled_embeddings: bool = MISSING
    local_attention: bool | None = MISSING
    embedding_rate: float = MISSING
    num_workers: int = MISSING
    genome: Any = MISSING
    tokenizer: Any = MISSING
    model: Any = MISSING
    objective: Any = MISSING
    plan: Any = MISSING
    optimizer: Any = MISSING
    held_out: Any = MISSING
    session: Any = MISSING
    export: Any = MISSING
    trainer: Any = MISSING
    logger: Any = MISSING
    method: Any = MISSING


def register_schema() -> None:
    """Make the schemas known to Hydra, as `schema` and `pretrain_schema`, and the resolvers."""
    register_resolvers()
    ConfigStore.instance().store(name="schema", node=TrainConfig)
    ConfigStore.instance().store(name="pretrain_schema", node=PretrainConfig)


def register_resolvers() -> None:
    """Make known what the files of conf/ choose values with, once in each process.

    `${if_else:condition,one,other}` is one of two values, and so is `${by_width:narrow,wide}`;
    `${one_minus:share}` is the rest of a whole.
    """
    OmegaConf.register_new_resolver(
        "if_else", lambda condition, one, other: one if condition else other, replace=True
    )
    OmegaConf.register_new_resolver("by_width", _by_width, replace=True)
    OmegaConf.register_new_resolver("one_minus", lambda share: round(1 - share, 9), replace=True)


def _by_width(narrow: Any, wide: Any, *, _root_: Any) -> Any:
    """Return `narrow` for a small model, `wide` for any other and where no width is known.

    The width is that of a folder of weights, else of the model's yaml, unless the weights are
    others: a hub id put in by hand has no commit pinned.
    """
    model: Any = OmegaConf.select(_root_, "model") or {}
    source, shape = model.get("source"), model.get("architecture")
    if source is not None and not source.startswith((PACKAGED, INSTALLED)):
        folder = Path(source).expanduser()
        if folder.is_dir():
            shape = _read_shape(folder)
        elif model.get("revision") is None:
            shape = None
    widths = [(shape or {}).get(key) for key in ("hidden_size", "d_model")]
    return narrow if any(isinstance(w, int) and w <= NARROW for w in widths) else wide


def _read_shape(folder: Path) -> dict[str, Any]:
    """Return the config.json of a model; what is wrong with it is said where it is loaded."""
    try:
        shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return shape if isinstance(shape, dict) else {}


def read_choice(group: str, name: str) -> dict[str, Any]:
    """Return one file of a group as plain values, for code that runs without a command line.

    Args:
        group: Folder of conf/.
        name: File in it, one that builds upon no other.
    """
    loaded: Any = OmegaConf.to_container(OmegaConf.load(Path(config_dir(), group, f"{name}.yaml")))
    plain: dict[str, Any] = loaded
    return plain


def typed_overrides(folder: Path) -> list[str]:
    """Return what was typed on the command line of a run, as Hydra notes it in the run folder."""
    file = folder / ".hydra" / "overrides.yaml"
    if not file.is_file():
        return []
    noted: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    return [str(override) for override in noted]


@contextmanager
def errors_at(key: str, *more: type[Exception]) -> Iterator[None]:
    """Name the configuration key in front of what a constructor refuses.

    Args:
        key: The configuration key.
        more: Exceptions, beside ValueError, that here mean a wrong value.

    Raises:
        InputError: For every ValueError inside, and for Lightning's own kind of it; an InputError
            passes as it is, it already says where.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        lightning = sys.modules.get("lightning.fabric.utilities.exceptions")
        refusals = (
            ValueError,
            *more,
            *([lightning.MisconfigurationException] if lightning else []),
        )
        if not isinstance(error, refusals):
            raise
        # Libraries may go on for pages: one line, and no more than a few.
        text = textwrap.shorten(str(error), width=_LONGEST, placeholder=" ...")
        raise InputError(f"{key}: {text}") from error


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
        arguments = check_arguments(target, children, key, partial)
        # A library's constructor says TypeError where a value has the wrong kind; ours never do.
        more = () if str(node["_target_"]).startswith("dnaft.") else (TypeError,)
        if partial:

            def call(*args: Any, **kwargs: Any) -> Any:
                with errors_at(key, *more):
                    return target(*args, **arguments, **kwargs)

            return call
        with errors_at(key, *more):
            return target(**arguments)
    if isinstance(node, list):
        return [build(value, f"{key}[{i}]") for i, value in enumerate(node)]
    return node


def check_arguments(
    target: Callable[..., Any], arguments: Mapping[str, Any], key: str, partial: bool = False
) -> dict[str, Any]:
    """Compare argument names and types with the signature; return converted values.

    Raises:
        InputError: If a name is unknown, a required one is missing, or a type is wrong.
    """
    parameters = inspect.signature(target).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for name in arguments:
            if name not in parameters:
                raise InputError(
                    f"{key}.{name}: {_name(target)} has no such argument; {near(name, parameters)}"
                )
    if not partial:
        for name, parameter in parameters.items():
            required = parameter.default is parameter.empty and parameter.kind not in (
                parameter.VAR_KEYWORD,
                parameter.VAR_POSITIONAL,
            )
            if required and name not in arguments:
                raise InputError(
                    f"{key}.{name}: {_name(target)} needs a value; give one with "
                    f"+{key}.{name}=VALUE"
                )
    owner = target.__init__ if inspect.isclass(target) else target
    try:
        hints = typing.get_type_hints(owner)
    except (NameError, TypeError):  # annotations of a library that are not importable at run time
        hints = {}
    return {
        name: convert(value, hints[name], f"{key}.{name}") if name in hints else value
        for name, value in arguments.items()
    }


def _locate(path: str, key: str) -> Callable[..., Any]:
    """Import what a `_target_` names."""
    root = str(path).partition(".")[0]
    if root not in ALLOWED_ROOTS:
        raise InputError(
            f"{key}: {path} lies outside the allowed packages {', '.join(ALLOWED_ROOTS)}"
        )
    parts = str(path).split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module_name = ".".join(parts[:cut])
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name and module_name.startswith(error.name):
                continue
            raise
        for name in parts[cut:]:
            found = getattr(found, name, None)
        if not callable(found):
            break
        return typing.cast(Callable[..., Any], found)
    raise InputError(f"{key}: there is no class or function {path}; check the spelling")


def _name(target: Callable[..., Any]) -> str:
    return getattr(target, "__qualname__", repr(target))

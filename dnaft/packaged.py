"""Vocabularies and weights that come with dnaft, named `package:NAME`."""

from importlib.resources import files
from pathlib import Path
from typing import Literal

PACKAGED = "package:"

Kind = Literal["tokenizer", "model"]


def find_packaged(kind: Kind, source: str) -> Path:
    """Return the file of a tokenizer, or the folder of a model, that comes with dnaft.

    Args:
        kind: What is meant.
        source: `package:NAME`.

    Raises:
        ValueError: If nothing of this kind has that name; the message lists what has one.
    """
    name = source.removeprefix(PACKAGED)
    folder = Path(str(files("dnaft"))) / "assets" / f"{kind}s"
    there = {path.name.removesuffix(".json"): path for path in folder.iterdir()}
    if name not in there:
        known = ", ".join(sorted(there))
        raise ValueError(f"no packaged {kind} {name!r}; there are: {known}")
    return there[name]

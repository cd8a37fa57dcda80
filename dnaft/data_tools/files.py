"""Files that are either the old ones or complete."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dnaft.errors import InputError


def output_folder(text: str) -> Path:
    """Return a folder to write into, made if need be.

    Raises:
        InputError: If it cannot be made.
    """
    folder = Path(text).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"out: cannot write to {folder} ({error.strerror}); choose another with out=FOLDER"
        ) from error
    return folder


def replace_text(path: Path, text: str) -> None:
    """Write a text file; an older one is replaced at once.

    Raises:
        InputError: If it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    except OSError as error:
        raise InputError(
            f"out: cannot write {path} ({error.strerror}); choose another with out=FOLDER"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def replace_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values as JSON, as `replace_text`."""
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    replace_text(path, f"{text}\n")

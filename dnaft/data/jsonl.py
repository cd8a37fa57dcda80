"""Tables with one JSON object a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dnaft.data.columns import Columns, Wanted, cell_text
from dnaft.data.content import read_text, text_lines
from dnaft.errors import InputError, listed


def jsonl_names(path: Path, *, where: str | None = None) -> list[str]:
    """Return the keys of the first object; none of an empty file.

    Raises:
        InputError: If the file cannot be read, or the first line is no JSON object.
    """
    where = where or str(path)
    text, _ = read_text(path, where)
    return list(next(_objects(text, where), (0, {}))[1])


def jsonl_columns(path: Path, wanted: Wanted, *, where: str | None = None) -> Columns:
    """Read some keys of every object; numbers stay as they are written. Blank lines are skipped.

    Raises:
        InputError: If the file is missing, damaged or not UTF-8, a line is no JSON object, or a
            key is missing, comes twice, or holds a list or an object.
    """
    where = where or str(path)
    text, sha256 = read_text(path, where)
    texts: list[list[str]] = [[] for _ in wanted]
    numbers = []
    for line, row in _objects(text, where):
        for column, (key, name) in zip(texts, wanted, strict=True):
            if name not in row:
                raise InputError(
                    f"{where} line {line}: no key {name!r}; there are "
                    f"{listed(row) or 'none'}. Set task.source.{key}, or write null "
                    "for what is missing"
                )
            try:
                column.append(cell_text(row[name]))
            except ValueError as error:
                raise InputError(f"{where} line {line}: key {name!r} holds {error}") from error
        numbers.append(line)
    return Columns(texts, numbers, "line", sha256)


def _objects(text: str, where: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in text_lines(text):
        if not content.strip():
            continue
        try:
            # As text, numbers are parsed by the same rules as those of a csv file.
            row = json.loads(
                content,
                parse_int=str,
                parse_float=str,
                parse_constant=str,
                object_pairs_hook=_without_repeats,
            )
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, ValueError) else "nested too deep"
            raise InputError(
                f"{where} line {line}: not JSON ({reason}); write one object a line"
            ) from error
        if not isinstance(row, dict):
            raise InputError(
                f"{where} line {line}: a JSON {type(row).__name__} instead of an object; write one "
                'object a line, such as {"sequence": "ACGT", "label": 1}'
            )
        yield line, row


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(k for k in keys if keys.count(k) > 1)!r} comes twice")
    return row

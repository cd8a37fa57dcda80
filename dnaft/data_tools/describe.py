"""What is in a file, and what a task reads from it, in a few lines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from dnaft.data.leaks import count_leaks, count_split, describe_leaks
from dnaft.data.splits import describe_lacks
from dnaft.data.task import Task
from dnaft.data_tools.guess import is_number, sequence_columns
from dnaft.data_tools.look import Look
from dnaft.sequence import reverse_complement

_MOST_VALUES, _MOST_LETTERS = 6, 20


def describe_file(look: Look) -> list[str]:
    """Return what is said about a file."""
    packed = ", gzipped" if look.path.name.lower().endswith(".gz") else ""
    lines = [f"{look.path}: {look.description}{packed}, {look.rows:,} rows"]
    held = sequence_columns(look.columns) if look.form == "table" else []
    for name, texts in look.columns.items():
        if name in held:
            lines += [f"  {name}: {line}" for line in describe_sequences(texts)]
            continue
        lines.append(f"  {name}: {_describe_values(texts)}")
    if look.sequences:
        lines += [f"  {line}" for line in describe_sequences(look.sequences)]
    return lines


def _describe_values(texts: Sequence[str]) -> str:
    counts = Counter(text.strip() for text in texts)
    shown = ", ".join(f"{text!r} {n:,}" for text, n in counts.most_common(_MOST_VALUES))
    if len(counts) <= _MOST_VALUES:
        return f"{len(counts):,} values: {shown}"
    if not all(is_number(text) and isfinite(float(text)) for text in counts):
        return f"{len(counts):,} values: {shown}, ..."
    low, middle, high = np.quantile([float(text) for text in texts], [0, 0.5, 1])
    return f"{len(counts):,} values, numbers of {low:g} to {high:g}, median {middle:g}"


def describe_sequences(sequences: Sequence[str]) -> list[str]:
    """Return what is said about sequences: lengths, letters, repeats."""
    lengths = np.array([len(text) for text in sequences])
    counts = Counter("".join(sequences))
    letters = ", ".join(
        f"{letter} {number:,}" for letter, number in counts.most_common(_MOST_LETTERS)
    )
    known = Counter(text.upper() for text in sequences)
    turned = sum(text < (other := _other_strand(text)) and other in known for text in known)
    return [
        f"sequences of {lengths.min():,} to {lengths.max():,} bp, median "
        f"{int(np.median(lengths)):,}",
        f"letters: {letters}",
        f"{len(sequences) - len(known):,} rows repeat a sequence; pairs of sequences that are each "
        f"other's reverse complement: {turned:,}",
    ]


def _other_strand(text: str) -> str:
    try:
        return reverse_complement(text.replace("U", "T"))
    except ValueError:
        return ""


def describe_tables(task: Task) -> list[str]:
    """Read the splits of a task and return what is said about them.

    Raises:
        InputError: If a row is wrong, or a split would be empty.
    """
    tables = task.load("")
    counts = {split: count_split(table) for split, table in tables.items()}
    names = task.classes or (task.label_names("") if task.kind == "multilabel" else ())
    lines = [f"read as a {task.kind} task:"]
    for split, found in counts.items():
        labels = _by_name(found.labels, names, ",")
        gc = _by_name(found.gc, names if len(found.gc) == len(names) else (), ".3f")
        lines.append(
            f"  {split}: {found.rows:,} rows of {found.length_bp_min:,} to "
            f"{found.length_bp_max:,} bp; labels {labels or 'numbers'}; GC {gc}"
        )
    lines += [f"  {line}" for line in describe_lacks(task, tables)]
    unit = "sequence" if tables["train"].sequences_b is None else "pair"
    return lines + [f"  {line}" for line in describe_leaks(counts, count_leaks(tables), unit)]


def _by_name(values: Mapping[str, float], names: Sequence[str], form: str) -> str:
    """Return numbers by label, with the name of the label where it has one."""
    known = {str(label): name for label, name in enumerate(names)}
    return ", ".join(f"{known.get(label, label)} {value:{form}}" for label, value in values.items())

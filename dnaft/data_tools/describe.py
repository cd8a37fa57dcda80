"""What is in a file, and what a task reads from it, in a few lines."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from dnaft.data.leaks import count_leaks, count_split, describe_leaks
from dnaft.data.task import Task
from dnaft.data_tools.guess import sequence_columns
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
        counts = Counter(text.strip() for text in texts)
        shown = ", ".join(f"{text!r} {n:,}" for text, n in counts.most_common(_MOST_VALUES))
        more = ", ..." if len(counts) > _MOST_VALUES else ""
        lines.append(f"  {name}: {len(counts):,} values: {shown}{more}")
    if look.sequences:
        lines += [f"  {line}" for line in describe_sequences(look.sequences)]
    return lines


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
    lines = [f"read as a {task.kind} task:"]
    for split, found in counts.items():
        labels = ", ".join(f"{label} {number:,}" for label, number in found.labels.items())
        gc = ", ".join(f"{label} {share:.3f}" for label, share in found.gc.items())
        lines.append(
            f"  {split}: {found.rows:,} rows of {found.length_bp_min:,} to "
            f"{found.length_bp_max:,} bp; labels {labels or 'numbers'}; GC {gc}"
        )
    unit = "sequence" if tables["train"].sequences_b is None else "pair"
    return lines + [f"  {line}" for line in describe_leaks(counts, count_leaks(tables), unit)]

"""The data card of a task: what it is, what its splits hold, what to beware of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from dnaft import __version__
from dnaft.data.csv_folder import CsvFolder
from dnaft.data.fasta_folder import FastaFolder
from dnaft.data.given_files import OwnFiles
from dnaft.data.leaks import count_leaks, count_split
from dnaft.data.source import SPLITS
from dnaft.data.splits import describe_lacks
from dnaft.data.table import SequenceTable
from dnaft.data.task import Task
from dnaft.data_tools.reading import Reading, checksum_state
from dnaft.metrics import default_metric

SCHEMA_VERSION = 1
SPLIT_COLUMNS = (
    "split", "rows", "bp", "labels", "GC", "repeated", "two labels", "both strands", "file",
)  # fmt: skip
_FILE_KEYS = ("file", "background", *SPLITS, "label_table", "genome")
OVERLAP_COLUMNS = ("pair", "rows", "distinct", "reverse complement", "other label", "of")


def describe(task: Task, reading: Reading) -> dict[str, Any]:
    """Return the card as plain values, for JSON.

    Args:
        task: The task.
        reading: Its splits.
    """
    tables = reading.tables
    return {
        "schema_version": SCHEMA_VERSION,
        "task": task.name,
        "description": task.description,
        "reference": task.reference,
        "domain": task.domain,
        "kind": task.kind,
        "outputs": task.outputs,
        "score": task.choose_by or default_metric(task.kind),
        "strand_matters": task.strand_matters,
        "unit": _unit(tables),
        "source": describe_source(task),
        "splits": {split: _describe_split(task, split, t) for split, t in tables.items()},
        "overlaps": count_leaks(tables),
        "lacks": describe_lacks(task, tables),
        "traps": dict(task.traps),
        "problems": list(reading.problems),
        "code_version": __version__,
    }


def describe_source(task: Task) -> dict[str, Any]:
    """Return where the data come from, the parts that a source has."""
    source = task.source
    found: dict[str, Any] = {"type": type(source).__name__}
    if isinstance(source, CsvFolder | FastaFolder):
        found["folder"] = source.folder
        found["hub"] = source.hub_repo
    elif isinstance(source, OwnFiles):
        given = {key: getattr(source, key, None) for key in _FILE_KEYS}
        found["files"] = {key: str(file) for key, file in given.items() if file is not None}
    elif hasattr(source, "file"):
        found["file"] = source.file
    return found


def to_markdown(card: Mapping[str, Any]) -> str:
    """Return a card as Markdown."""
    source = card["source"]
    where = ", ".join(f"`{name}`" for name in source_names(source))
    if source.get("hub"):
        where += f" below data_dir, else the hub's `{source['hub']}`"
    outputs = "" if card["outputs"] == 1 else f", {card['outputs']} outputs"
    strand = "the strand that is given" if card["strand_matters"] else "either strand"
    facts = [
        ("labels", f"{card['kind']}{outputs}; they hold for {strand}"),
        ("source", where),
        ("reference", card["reference"] or "none given"),
        ("score", card["score"]),
    ]
    traps = [f"- **{name}**: {' '.join(text.split())}" for name, text in card["traps"].items()]
    parts = [
        f"# {card['task']}",
        card["description"],
        markdown_table(("", ""), facts),
        *(_found_parts(card) if card["splits"] else ["No rows were at hand to be counted."]),
        "## Known traps",
        "\n".join(traps) or "None is noted.",
    ]
    if card["problems"]:
        parts += ["## Problems", "\n".join(f"- {text}" for text in card["problems"])]
    files = [
        (split, f"`{found['file']}`", f"`{found['sha256']}`", found["checksum"])
        for split, found in card["splits"].items()
    ]
    if files:
        parts += ["## Files", markdown_table(("split", "file", "sha256", ""), files)]
    return "\n\n".join(part for part in parts if part) + "\n"


def source_names(source: Mapping[str, Any]) -> list[str]:
    """Return the names of the files or the folder that `describe_source` found."""
    files = list(source.get("files", {}).values())
    return files or [source.get("folder") or source.get("file") or source["type"]]


def _found_parts(card: Mapping[str, Any]) -> list[str]:
    """Return what the rows were found to be."""
    return [
        "## Splits",
        markdown_table(SPLIT_COLUMNS, split_rows(card)),
        "Repeated: rows beyond the first of a sequence. Two labels: distinct sequences that carry "
        "more than one. Both strands: pairs of sequences that are each other's reverse complement.",
        "\n".join(f"- {text}" for text in card["lacks"]),
        "## Sequences in two splits",
        markdown_table(OVERLAP_COLUMNS, overlap_rows(card)) or "No two splits share a sequence.",
    ]


def split_rows(card: Mapping[str, Any]) -> list[Sequence[str]]:
    """Return the cells of `SPLIT_COLUMNS`, a line a split."""
    return [_split_row(split, found) for split, found in card["splits"].items()]


def overlap_rows(card: Mapping[str, Any]) -> list[Sequence[str]]:
    """Return the cells of `OVERLAP_COLUMNS` for the pairs of splits that share a sequence."""
    rows: list[Sequence[str]] = []
    for pair, found in card["overlaps"].items():
        if found["exact"] or found["rc"]:
            keys = ("exact", "exact_distinct", "rc", "label_differs", "rows")
            rows.append([pair, *(f"{found[key]:,}" for key in keys)])
    return rows


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; nothing if it has no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines]) if lines else ""


def _unit(tables: Mapping[str, SequenceTable]) -> str:
    return "pair" if any(t.sequences_b is not None for t in tables.values()) else "sequence"


def _describe_split(task: Task, split: str, table: SequenceTable) -> dict[str, Any]:
    lengths = [len(sequence) for column in table.columns() for sequence in column]
    counts = asdict(count_split(table))
    counts["length_bp_median"] = float(np.median(lengths))
    if task.kind == "regression":
        counts["targets"] = [_describe_target(t) for t in table.labels.reshape(len(table), -1).T]
    return {
        **counts,
        "file": table.where,
        "sha256": table.sha256,
        "checksum": checksum_state(task, split, table),
    }


def _describe_target(values: Any) -> dict[str, float]:
    quantiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    marks = dict(zip(("min", "q1", "median", "q3", "max"), quantiles, strict=True))
    marks |= {"mean": values.mean(), "deviation": values.std()}
    return {name: round(float(value), 6) for name, value in marks.items()}


def _split_row(split: str, found: Mapping[str, Any]) -> list[str]:
    low, high = found["length_bp_min"], found["length_bp_max"]
    length = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    total = found["rows"]
    labels = " / ".join(f"{c}: {n:,} ({n / total:.1%})" for c, n in found["labels"].items())
    if "targets" in found:
        labels = " / ".join(
            f"{t['min']:g} to {t['max']:g}, median {t['median']:g}" for t in found["targets"]
        )
    gc = " / ".join(f"{value:.3f}" for value in found["gc"].values())
    counts = [f"{found[key]:,}" for key in ("duplicates", "conflicts", "rc_pairs")]
    return [split, f"{total:,}", length, labels, gc, *counts, found["checksum"]]

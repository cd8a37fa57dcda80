"""The splits of a task whose rows stay on disk, with an account of them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dnaft.data.encoded_splits import OTHER, Encoding
from dnaft.data.long_input import account_for_long_rows
from dnaft.data.store_source import StoreSource
from dnaft.data.stored_table import StoredTable
from dnaft.data.stream import StreamDataset
from dnaft.data.survey import Survey, survey
from dnaft.data.task import Task
from dnaft.data.tokens import check_shortest
from dnaft.errors import InputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamedSplits:
    """Splits that were looked through and stay where they are.

    Attributes:
        tables: train, dev and test.
        datasets: The same as token ids; splits that are read on the other strand have both.
        summary: Counts, checksums, what is windowed and what is cut, for result.json.
    """

    tables: dict[str, StoredTable]
    datasets: dict[str, StreamDataset]
    summary: dict[str, Any]


def stream_splits(
    task: Task, source: StoreSource, data_dir: str, encoding: Encoding, both_strands: Sequence[str]
) -> StreamedSplits:
    """Open a store, check it against the task and count the tokens of its rows.

    Args:
        task: What is learned.
        source: The store.
        data_dir: The folder with the benchmarks.
        encoding: How rows become tokens.
        both_strands: Splits that are read as reverse complements, too.

    Raises:
        InputError: If data are missing or wrong, or would be cut and may not.
    """
    if task.drop_leaks:
        raise InputError(
            f"task {task.name}: task.drop_leaks=true compares all rows in memory, and those of a "
            "store are never all there; leave it out"
        )
    tables = source.open(task.rules, data_dir)
    for split, table in tables.items():
        task.check_rows(split, len(table), table.where)
        if len(table):
            first = table.take(np.zeros(1, np.int64))
            task.check_length(first)  # all are equally long
            check_shortest(first, encoding.tokenizer)
    log.info("task %s: rows of a store are not compared with each other", task.name)
    given = {split: _survey(table, encoding, turned=False) for split, table in tables.items()}
    turned = {split: _survey(tables[split], encoding, turned=True) for split in both_strands}
    long_rows = _account(task.name, encoding, given)
    summary = {
        "counts": {split: _counts(table) for split, table in tables.items()},
        "checksums": {s: {"file": t.where, "sha256": t.split.sha256} for s, t in tables.items()},
        "leaks": {},
        "leaks_dropped_from_train": 0,
        "train_rows": len(tables["train"]),
        "tokens": {split: found.tokens for split, found in given.items()},
        "max_tokens": encoding.max_tokens,
        **long_rows,
        "other_strand": {
            "tokens": {split: found.tokens for split, found in turned.items()},
            **_account(task.name, encoding, turned, OTHER),
        }
        if turned
        else {},
    }
    datasets = {
        split: StreamDataset(
            table, encoding, [given[split], *([turned[split]] if split in turned else [])]
        )
        for split, table in tables.items()
    }
    return StreamedSplits(tables, datasets, summary)


def _survey(table: StoredTable, encoding: Encoding, turned: bool) -> Survey:
    return survey(table, encoding.encode_some, encoding.key, encoding.cache_dir, turned)


def _account(
    task: str, encoding: Encoding, surveys: dict[str, Survey], strand: str = ""
) -> dict[str, Any]:
    return account_for_long_rows(
        task,
        "sequence",
        {split: found.truncation for split, found in surveys.items()},
        {split: found.windows for split, found in surveys.items()},
        encoding.max_tokens,
        encoding.long_input,
        strand,
    )


def _counts(table: StoredTable) -> dict[str, Any]:
    """Return what is known of a split without comparing its rows."""
    facts = table.split.facts
    known = len(table) * table.length_bp - facts["unknown_bases"]
    return {
        "rows": len(table),
        "length_bp_min": table.length_bp,
        "length_bp_max": table.length_bp,
        "labels": {str(i): int(n) for i, n in enumerate(table.positives())},
        "gc": {"all": round(facts["gc_bases"] / max(known, 1), 6)},
        "unknown_bases": facts["unknown_bases"],
        "rows_with_unknown_bases": facts["unknown_rows"],
        "strand_pairs": facts["strand_pairs"],
    }
